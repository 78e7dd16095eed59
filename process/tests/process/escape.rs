//! What a command must not be able to reach, in each tier, observed and not.
//!
//! Each case tries to get at something and says `ESCAPED` when it did. `docs/hermetic.md` has the table.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::{Command, Stdio};

use webstir_process::{Finished, Job, Sandbox, Stage, Tier, Tree, Way};

use crate::support::{Mode, Workspace, files, helper, ways};

/// What becomes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It does not work.
    Refused,
    /// It works, or seems to the command to have found nothing, and the observer names the path of the workspace.
    Reported,
    /// It works, and nobody says so.
    Passes,
    /// It works for some users and on some systems, and nobody says so.
    Open,
}

use Fate::{Open, Passes, Refused, Reported};

struct Case {
    name: &'static str,
    script: &'static str,
    /// In namespaces, with Landlock, in a tree.
    fate: [Fate; 3],
}

const fn case(name: &'static str, script: &'static str, fate: [Fate; 3]) -> Case {
    Case { name, script, fate }
}

const READ: &str = "is_secret() { case \"$1\" in *SECRET*) echo ESCAPED;; esac; }\n";

const CASES: &[Case] = &[
    case("undeclared file", "is_secret \"$(cat secret.txt)\"", [Refused; 3]),
    case("undeclared file in a directory", "is_secret \"$(cat src/secret.txt)\"", [Refused; 3]),
    case("listing", "case \"$(ls -a)\" in *secret*) echo ESCAPED;; esac", [Refused; 3]),
    case("absolute path", "is_secret \"$(cat $W/secret.txt)\"", [Refused, Refused, Reported]),
    case("absolute path with dots", "is_secret \"$(cat $W/src/../secret.txt)\"", [Refused, Refused, Reported]),
    case("existence by absolute path", "[ -e $W/secret.txt ] && echo ESCAPED", [Refused, Reported, Reported]),
    case("size by absolute path", "[ $(stat -c %s $W/secret.txt) = 7 ] && echo ESCAPED", [Refused, Reported, Reported]),
    case(
        "listing by absolute path",
        "case \"$(ls -a $W)\" in *secret*) echo ESCAPED;; esac",
        [Refused, Refused, Passes],
    ),
    case("dots", "is_secret \"$(cat ../../../../../../../../../../$W/secret.txt)\"", [Refused, Refused, Reported]),
    case("link that the command makes", "ln -s $W/secret.txt l; is_secret \"$(cat l)\"", [Refused, Refused, Passes]),
    case("link of the workspace", "is_secret \"$(cat link.txt)\"", [Refused; 3]),
    case("link of packages", "is_secret \"$(cat node_modules/leak/secret.txt)\"", [Refused, Refused, Passes]),
    case("hard link", "ln $W/secret.txt h && is_secret \"$(cat h)\"", [Refused, Refused, Reported]),
    case("/proc/self/root", "is_secret \"$(cat /proc/self/root$W/secret.txt)\"", [Refused, Refused, Open]),
    case("/proc/1/root", "is_secret \"$(cat /proc/1/root$W/secret.txt)\"", [Refused, Refused, Open]),
    case("root of a neighbour", "is_secret \"$(cat /proc/$PEER/root$W/secret.txt)\"", [Refused, Refused, Open]),
    case("working directory of the parent", "is_secret \"$(cat /proc/$PPID/cwd/secret.txt)\"", [Refused; 3]),
    case("variables of a neighbour", "is_secret \"$(tr '\\0' ' ' < /proc/$PEER/environ)\"", [Refused, Refused, Open]),
    case(
        "command line of a neighbour",
        "for f in /proc/[0-9]*/cmdline; do case \"$(tr '\\0' ' ' 2>/dev/null < $f)\" in *$MARK*) echo ESCAPED; break;; esac; done",
        [Refused, Passes, Passes],
    ),
    case(
        "memory of a neighbour",
        "perl -e 'open my $m, \"<\", \"/proc/$ENV{PEER}/mem\" and print \"ESCAPED\"'",
        [Refused, Refused, Open],
    ),
    case(
        "ptrace of a neighbour",
        "perl -e 'print \"ESCAPED\" if syscall(101, 16, $ENV{PEER}, 0, 0) == 0'",
        [Refused, Refused, Open],
    ),
    case("signal to a neighbour", "kill -0 $PEER 2>/dev/null && echo ESCAPED", [Refused, Refused, Open]),
    case("home directory", "is_secret \"$(cat $HOME/.npmrc $HOME/../.npmrc)\"", [Refused; 3]),
    case("home directory by name", "is_secret \"$(cat $OUTSIDE/.npmrc)\"", [Refused, Refused, Passes]),
    case("variable", "is_secret \"$TOKEN\"", [Refused; 3]),
    case(".env", "is_secret \"$(cat .env)\"", [Refused; 3]),
    case(
        "temporary files of others",
        "is_secret \"$(cat /tmp/*/outside/.npmrc $OUTSIDE/../outside/.npmrc)\"",
        [Refused, Refused, Passes],
    ),
    case(
        "file left for the next run",
        "is_secret \"$(cat $TMPDIR/left /tmp/left-$MARK)\"; echo SECRET > $TMPDIR/left; echo SECRET > /tmp/left-$MARK",
        [Refused, Refused, Passes],
    ),
    case(
        "TCP",
        "perl -MIO::Socket::INET -e 'print \"ESCAPED\" if IO::Socket::INET->new(PeerAddr => \"127.0.0.1\", PeerPort => $ENV{PORT}, Timeout => 5)'",
        [Refused; 3],
    ),
    case(
        "UDP",
        "perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(PeerAddr => \"127.0.0.1\", PeerPort => $ENV{UDP}, Proto => \"udp\") or exit; $s->send(\"x\"); $s->blocking(1); local $SIG{ALRM} = sub { exit }; alarm 1; $s->recv(my $b, 10); print \"ESCAPED\" if $b eq \"yes\"'",
        [Refused; 3],
    ),
    case(
        "Unix socket",
        "perl -MIO::Socket::UNIX -e 'print \"ESCAPED\" if IO::Socket::UNIX->new(Peer => $ENV{SOCKET})'",
        [Refused; 3],
    ),
    case(
        "abstract socket",
        "perl -MIO::Socket::UNIX -e 'print \"ESCAPED\" if IO::Socket::UNIX->new(Peer => \"\\0$ENV{MARK}\")'",
        [Refused; 3],
    ),
    case("raw socket", "perl -MSocket -e 'print \"ESCAPED\" if socket(my $s, AF_INET, SOCK_RAW, 1)'", [Refused; 3]),
    case("packet socket", "perl -MSocket -e 'print \"ESCAPED\" if socket(my $s, 17, SOCK_RAW, 0)'", [Refused; 3]),
    case("io_uring", "perl -e 'my $p = \"\\0\" x 120; print \"ESCAPED\" if syscall(425, 4, $p) >= 0'", [Refused; 3]),
    case(
        "set-uid program",
        "chmod u+s,a+x tool 2>/dev/null; grep -q 'NoNewPrivs:.0' /proc/self/status && echo ESCAPED",
        [Refused; 3],
    ),
    case(
        "device node",
        "mknod d b $(stat -c '%Hd %Ld' $W) 2>/dev/null && dd if=d of=/dev/null count=1 2>/dev/null && echo ESCAPED",
        [Refused; 3],
    ),
    case(
        "mount",
        "mkdir -p m; mount -t tmpfs none m 2>/dev/null && { echo ESCAPED; umount m; }",
        [Refused, Refused, Refused],
    ),
    case(
        "mount in a user namespace",
        "unshare -Urm sh -c 'mkdir -p m && mount --bind $W m && cat m/secret.txt' 2>/dev/null | grep -q SECRET && echo ESCAPED",
        [Refused, Refused, Open],
    ),
    case(
        "chroot out",
        "perl -e 'mkdir \"c\"; chroot \"c\" or exit; chdir \"..\" for 1..20; chroot \".\"; open my $f, \"<\", \"$ENV{W}/secret.txt\" and print \"ESCAPED\"'",
        [Refused, Refused, Open],
    ),
    case("core file", "ulimit -c unlimited 2>/dev/null; [ \"$(ulimit -c)\" = 0 ] || echo ESCAPED", [Refused; 3]),
    case(
        "settings of the kernel",
        "echo 1 2>/dev/null > /proc/sys/vm/drop_caches && echo ESCAPED",
        [Refused, Refused, Open],
    ),
    case(
        "inherited descriptors",
        "for f in /proc/self/fd/*; do is_secret \"$(readlink $f)\"; case \"$(readlink $f)\" in *$W*) echo ESCAPED;; esac; done",
        [Refused; 3],
    ),
    case("writing the workspace", "echo x 2>/dev/null > $W/secret2.txt && echo ESCAPED", [Refused, Refused, Passes]),
    case(
        "writing the system",
        "touch /usr/bin/webstir-$MARK 2>/dev/null && { rm -f /usr/bin/webstir-$MARK; echo ESCAPED; }",
        [Refused, Refused, Open],
    ),
    case("host name", "[ \"$(cat /proc/sys/kernel/hostname)\" = build ] || echo ESCAPED", [Refused, Passes, Passes]),
    case("shared memory", "case \"$(ls /dev/shm)\" in *$MARK*) echo ESCAPED;; esac", [Refused, Refused, Passes]),
];

/// What is there to be reached.
struct World {
    workspace: Workspace,
    outside: tempfile::TempDir,
    peer: std::process::Child,
    mark: String,
    port: u16,
    udp: u16,
    _listeners: (TcpListener, UnixListener, UnixListener),
}

impl World {
    fn new() -> Self {
        let workspace = Workspace::new();
        workspace
            .write("declared.txt", "declared")
            .write("src/declared.txt", "declared")
            .write("secret.txt", "SECRET\n")
            .write("src/secret.txt", "SECRET\n")
            .write(".env", "TOKEN=SECRET\n")
            .write("node_modules/good/index.js", "")
            .executable("tool", "#!/bin/sh\n");
        let root = workspace.root();
        std::os::unix::fs::symlink("secret.txt", root.join("link.txt")).unwrap();
        std::os::unix::fs::symlink("..", root.join("node_modules/leak")).unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::set_permissions(outside.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(outside.path().join("outside")).unwrap();
        fs::write(outside.path().join("outside/.npmrc"), "SECRET").unwrap();
        let mark = format!("mark{}", crate::support::marker().replace('.', "x"));
        let peer = Command::new("/bin/sleep").args(["300"]).env("TOKEN", "SECRET").arg0_mark(&mark).spawn().unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (port, udp_port) = (tcp.local_addr().unwrap().port(), udp.local_addr().unwrap().port());
        std::thread::spawn(move || {
            let mut buffer = [0; 16];
            while let Ok((_, from)) = udp.recv_from(&mut buffer) {
                let _ = udp.send_to(b"yes", from);
            }
        });
        let socket = UnixListener::bind(outside.path().join("socket")).unwrap();
        fs::set_permissions(outside.path().join("socket"), fs::Permissions::from_mode(0o777)).unwrap();
        let address = SocketAddr::from_abstract_name(&mark).unwrap();
        let listeners = (tcp, socket, UnixListener::bind_addr(&address).unwrap());
        fs::write(format!("/dev/shm/{mark}"), "").unwrap();
        Self { workspace, outside, peer, mark, port, udp: udp_port, _listeners: listeners }
    }

    fn run(&self, mode: Mode, observe: bool, script: &str) -> Finished {
        let values = [
            ("W", self.workspace.root().display().to_string()),
            ("OUTSIDE", self.outside.path().join("outside").display().to_string()),
            ("SOCKET", self.outside.path().join("socket").display().to_string()),
            ("PEER", self.peer.id().to_string()),
            ("MARK", self.mark.clone()),
            ("PORT", self.port.to_string()),
            ("UDP", self.udp.to_string()),
            ("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin".to_owned()),
        ];
        let script = format!("{READ}{script}");
        let mut job: Job<'_> = self.workspace.job("/bin/sh", &["-c", &script]);
        job.environment = values.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
        let tree =
            Tree { packages: vec!["node_modules"], ..files(&["declared.txt", "link.txt", "src/declared.txt", "tool"]) };
        // What a link leads to is declared with it: here it is not.
        let inputs = tree.inputs.iter().filter(|input| input.path != "link.txt").cloned().collect();
        let tree = Tree { inputs, ..tree };
        let sandbox = Sandbox { observe, ..mode.sandbox() };
        let stage = Stage::take(&self.workspace.state()).unwrap();
        helper().run(stage, &self.workspace.root(), &tree, &sandbox, &job, &self.workspace.cancelled).unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.peer.kill();
        let _ = self.peer.wait();
        let _ = fs::remove_file(format!("/dev/shm/{}", self.mark));
        let _ = fs::remove_file(format!("/tmp/left-{}", self.mark));
    }
}

trait Marked {
    fn arg0_mark(&mut self, mark: &str) -> &mut Self;
}

impl Marked for Command {
    fn arg0_mark(&mut self, mark: &str) -> &mut Self {
        use std::os::unix::process::CommandExt as _;
        self.arg0(mark).stdout(Stdio::null())
    }
}

#[test]
fn nothing_undeclared_is_reached_unless_it_is_told() {
    let world = World::new();
    let mut wrong = Vec::new();
    let only = std::env::var("WEBSTIR_ESCAPE").ok();
    for mode in ways().iter().filter(|mode| mode.tier != Tier::Namespace || mode.way == Way::Overlay) {
        for case in CASES.iter().filter(|case| only.as_ref().is_none_or(|only| case.name == only)) {
            for observe in [true, false] {
                if case.name.starts_with("file left") {
                    // What it leaves, the second run would find.
                    let _ = world.run(*mode, observe, case.script);
                }
                let finished = world.run(*mode, observe, case.script);
                let expected = case.fate[mode.tier as usize];
                let escaped = finished.output().contains("ESCAPED");
                if observe && finished.accesses.is_none() {
                    wrong.push(format!("{}: not observed: {:?}", mode.name(), finished.ran));
                }
                let told = finished.accesses.iter().flat_map(|accesses| &accesses.undeclared);
                let is_told = told.into_iter().any(|access| access.path.contains("secret") || access.path == ".env");
                let actual = match (escaped, is_told) {
                    (false, _) => Refused,
                    (true, true) => Reported,
                    (true, false) => Passes,
                };
                let expected = if expected == Reported && !observe { Passes } else { expected };
                if actual != expected && expected != Open {
                    let name = mode.name();
                    wrong.push(format!(
                        "{} in {name}, observed: {observe}: {actual:?} and not {expected:?}\n{}",
                        case.name,
                        finished.output()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_undeclared_file_is_named_although_it_is_not_there() {
    let world = World::new();
    for mode in ways() {
        let paths = |script: &str| -> Vec<String> {
            let finished = world.run(*mode, true, script);
            let accesses = finished.accesses.unwrap();
            accesses.undeclared.iter().map(|access| format!("{:?} {}", access.kind, access.path)).collect()
        };
        let none: [&str; 0] = [];
        assert_eq!(paths("cat secret.txt; cat nothing; cat declared.txt; ls src"), ["Opened secret.txt"], "{mode:?}");
        assert_eq!(
            paths("cd src; [ -e secret.txt ]; [ -e ../.env ]"),
            ["Looked .env", "Looked src/secret.txt"],
            "{mode:?}"
        );
        assert_eq!(paths("echo made > secret.txt; cat secret.txt; cat node_modules/good/index.js"), none, "{mode:?}");
        assert_eq!(paths("cat \"$W/src/secret.txt\""), ["Opened src/secret.txt"], "{mode:?}");
        let finished =
            world.run(*mode, true, "cat declared.txt; perl -e 'fork; open my $f, \"<\", \"secret.txt\"'; wait");
        let accesses = finished.accesses.unwrap();
        assert_eq!(accesses.used, ["declared.txt"], "{mode:?}");
        assert_eq!(accesses.undeclared.len(), 1, "{mode:?}: {accesses:?}");
        assert!(accesses.events > 5 && !accesses.is_cut, "{accesses:?}");
    }
}

#[test]
fn what_it_writes_is_listed() {
    let world = World::new();
    for mode in ways() {
        let script = "echo x > a; mkdir -p d/e; echo x > d/e/f; rm src/declared.txt; echo changed > declared.txt; echo x > $TMPDIR/t";
        let finished = world.run(*mode, false, script);
        assert_eq!(finished.written, ["a", "d/e/f"], "{mode:?}");
        assert_eq!(finished.changed_inputs, ["declared.txt", "src/declared.txt"], "{mode:?}");
    }
}

#[test]
fn the_network_is_there_where_it_is_asked_for() {
    let world = World::new();
    let script = "perl -MIO::Socket::INET -e 'print \"CONNECTED\" if IO::Socket::INET->new(PeerAddr => \"127.0.0.1\", PeerPort => $ENV{PORT}, Timeout => 5)'";
    for mode in ways() {
        let value = world.port.to_string();
        let mut job = world.workspace.job("/bin/sh", &["-c", script]);
        job.environment.push(("PORT".as_ref(), value.as_ref()));
        let sandbox = Sandbox { network: true, ..mode.sandbox() };
        let stage = Stage::take(&world.workspace.state()).unwrap();
        let root = world.workspace.root();
        let finished =
            helper().run(stage, &root, &Tree::default(), &sandbox, &job, &world.workspace.cancelled).unwrap();
        assert_eq!(finished.output(), "CONNECTED", "{mode:?}");
    }
}

#[test]
fn the_strongest_sandbox_is_used_where_the_system_has_namespaces() {
    let directory = tempfile::tempdir().unwrap();
    let (strongest, why) = helper().strongest(&directory.path().join("state")).unwrap();
    // What a whole sandbox takes, by another program.
    let script = "mount -t tmpfs none /mnt && mount -t proc proc /mnt";
    let others = Command::new("unshare").args(["-Urmpniuf", "sh", "-c", script]).stderr(Stdio::null()).status();
    if others.is_ok_and(|status| status.success()) {
        assert_eq!((strongest, why), (Tier::Namespace, None));
    } else {
        assert!(strongest == Tier::Namespace || why.is_some(), "{strongest:?}");
    }
}

#[test]
fn what_could_not_be_tried_is_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    // A helper that is none says nothing of the system.
    let (strongest, why) = webstir_process::Helper::new("/bin/false".into()).strongest(&state).unwrap();
    assert!(strongest == Tier::Tree && why.is_some(), "{strongest:?}");
    let kept = || {
        fs::read_dir(&state)
            .unwrap()
            .flatten()
            .any(|entry| entry.file_name().as_encoded_bytes().starts_with(b"sandbox-"))
    };
    assert!(!kept());
    let other = directory.path().join("other");
    helper().strongest(&other).unwrap();
    assert!(
        fs::read_dir(&other)
            .unwrap()
            .flatten()
            .any(|entry| entry.file_name().as_encoded_bytes().starts_with(b"sandbox-"))
    );
}
