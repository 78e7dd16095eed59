//! `webstir watch`, driven through the files of a workspace, its events, its pages and its keys.

mod browser;
mod compilers;
mod configuring;
mod edits;
mod frontend;
mod generating;
mod links;
mod oracle;
mod preparing;
mod process;
mod refusing;
mod saving;
mod starting;
mod terminal;
mod watching;
mod workers;
