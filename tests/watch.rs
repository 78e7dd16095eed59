//! `webstir watch`, driven through the files of a workspace, its events, its pages and its keys.

mod browser;
mod edits;
mod oracle;
mod terminal;
mod watching;
