//! The shape of `webstir watch`.

use std::net::IpAddr;

use clap::Args;

use super::EngineChoice;

/// `webstir watch`.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The profile of `webstir.kdl` to build
    #[arg(long, default_value = "build")]
    pub(crate) profile: String,
    /// The address to listen on [default: `HOST`, then 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", conflicts_with = "no_serve")]
    pub(crate) host: Option<IpAddr>,
    /// Answer to this name as well, besides addresses and `localhost`; `.example.test` is every name below it
    #[arg(long, value_name = "NAME", conflicts_with = "no_serve")]
    pub(crate) allow_host: Vec<String>,
    /// The port to listen on, 0 for any that is free [default: `PORT`, then the first free one from 4321]
    #[arg(short, long, value_name = "NUMBER", conflicts_with = "no_serve")]
    pub(crate) port: Option<u16>,
    /// What runs handlers
    #[arg(long, value_enum, default_value_t = EngineChoice::Auto, value_name = "ENGINE")]
    pub(crate) engine: EngineChoice,
    /// Build and check only
    #[arg(long)]
    pub(crate) no_serve: bool,
    /// Open the browser once there is something to see
    #[arg(long, conflicts_with = "no_serve")]
    pub(crate) open: bool,
    /// Look at files again and again instead of being told, for file systems that tell nothing
    #[arg(long)]
    pub(crate) poll: bool,
}
