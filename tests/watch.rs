//! `webstir watch`, driven through the files of a workspace, its events, its pages and its keys.

mod edits;
mod oracle;
mod process;
mod watching;
