//! What lies around a workspace and decides which compiler it has, and what runs that.
//!
//! [`Surroundings`] are plain values, so that [`resolve`](super::resolve()) stays a function of values. Who looks at the disk fills them in.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use webstir_engine::digest::Digest;

use super::package::Platform;
use super::resolve::Pinned;

/// All that is there besides the files of the workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    /// What Node finds from the workspace as `typescript`.
    pub installed: Option<Installed>,
    /// What the lockfile says, which may lie above the workspace.
    pub lockfile: Option<Pinned>,
    /// The package with the Bun of this machine; none where there is no Bun for it.
    pub bun: Option<Box<str>>,
    /// Where packages below `@types` lie that Node would find and that are no files of the workspace, sorted.
    pub types: Vec<Box<str>>,
}

/// An installed compiler.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Installed {
    /// The name in its `package.json`.
    pub name: Box<str>,
    /// The version there.
    pub version: Box<str>,
    /// How it is named from the workspace: `node_modules/typescript`.
    pub shown: Box<str>,
    /// The directories of the packages that it is made of, free of links; the one that is run last.
    pub packages: Vec<PathBuf>,
    /// What stands for all their files.
    pub digest: Digest,
}

/// The package with the Bun of this machine.
pub fn bun_package() -> Option<Box<str>> {
    bun_of(Platform::current(), has_musl(), has_avx2()).map(String::into_boxed_str)
}

fn bun_of(platform: Platform, has_musl: bool, has_avx2: bool) -> Option<String> {
    let os = match platform.os {
        "win32" => "windows",
        os @ ("linux" | "darwin" | "freebsd") => os,
        _ => return None,
    };
    let cpu = match platform.cpu {
        "arm64" => "aarch64",
        "x64" => "x64",
        _ => return None,
    };
    let libc = if os == "linux" && has_musl { "-musl" } else { "" };
    // FreeBSD has one for all.
    let baseline = if cpu == "x64" && !has_avx2 && os != "freebsd" { "-baseline" } else { "" };
    Some(format!("@oven/bun-{os}-{cpu}{libc}{baseline}"))
}

/// Whether programs of this machine are linked with musl: only its loader is there.
fn has_musl() -> bool {
    let (musl, gnu) = match Platform::current().cpu {
        "arm64" => ("/lib/ld-musl-aarch64.so.1", "/lib/ld-linux-aarch64.so.1"),
        _ => ("/lib/ld-musl-x86_64.so.1", "/lib64/ld-linux-x86-64.so.2"),
    };
    Path::new(musl).exists() && !Path::new(gnu).exists()
}

fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx2")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::builtin::{built_in, built_in_lock};
    use super::super::resolve::BUN;
    use super::*;

    #[test]
    fn each_machine_has_a_bun_of_the_table() {
        let lock = built_in_lock(BUN).unwrap();
        let mut named = 0;
        for os in ["linux", "darwin", "win32", "freebsd"] {
            for cpu in ["x64", "arm64"] {
                for (has_musl, has_avx2) in [(false, true), (false, false), (true, true), (true, false)] {
                    let name = bun_of(Platform { os, cpu }, has_musl, has_avx2).unwrap();
                    assert!(built_in(BUN, &lock.version, &name).is_some(), "{name}");
                    named += 1;
                }
            }
        }
        assert_eq!(named, 32);
        assert_eq!(bun_of(Platform { os: "linux", cpu: "riscv64" }, false, true), None);
        assert_eq!(
            bun_of(Platform { os: "linux", cpu: "x64" }, true, false).as_deref(),
            Some("@oven/bun-linux-x64-musl-baseline")
        );
        assert!(bun_package().is_some_and(|name| lock.packages.contains_key(&*name)));
    }
}
