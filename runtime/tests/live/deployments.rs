//! Releases that follow each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use webstir_runtime::assets::AssetIndex;
use webstir_runtime::page_view::PageViews;
use webstir_runtime::site::Site;
use webstir_runtime::{Deployed, LiveFinding, LoadError};

use super::client::send;
use super::server::{Running, configuration, eventually, in_worker, module, of_site, release};

fn site(changed: &[&str], styles_only: bool) -> Deployed {
    Deployed::Site { changed: changed.iter().map(ToString::to_string).collect(), styles_only }
}

/// Without the script.
async fn body(server: &Running, path: &str) -> String {
    server.send("GET", path, &[("sec-fetch-dest", "empty")]).await.text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_is_deployed_without_its_module() {
    for is_worker in [false, true] {
        let server = Running::start().await;
        let text = module(&[("/count", "{ body: String(++count) }"), ("/process", "{ body: String(process.pid) }")]);
        let with = |files: &[(&str, &str)], text: &str| {
            let release = release(server.root(), text, files);
            if is_worker { in_worker(release) } else { release }
        };
        let first = with(&[("a.css", "1"), ("pages/home/index.html", "1")], &text);
        assert_eq!(server.show(&first).await, Deployed::Module);
        assert_eq!(server.show(&first).await, Deployed::Unchanged);
        assert_eq!(body(&server, "/count").await, "1");
        let process = body(&server, "/process").await;
        let styled = with(&[("a.css", "2"), ("pages/home/index.html", "1")], &text);
        assert_eq!(server.show(&styled).await, site(&["/a.css"], true));
        let paged = with(&[("a.css", "2"), ("pages/home/index.html", "2")], &text);
        let paths = ["/", "/home", "/pages/home", "/pages/home/index.html"];
        assert_eq!(server.show(&paged).await, site(&paths, false));
        assert_eq!(body(&server, "/").await, "2");
        assert_eq!(body(&server, "/count").await, "2", "the state of the module stays");
        // A host that is taken for unused would be ended by and by.
        for count in 3..100 {
            assert_eq!(body(&server, "/count").await, count.to_string());
        }
        assert_eq!(body(&server, "/process").await, process);
        let other = text.replace("let count = 0", "let count = 10");
        let files = [("a.css", "2"), ("pages/home/index.html", "2")];
        assert_eq!(server.show(&with(&files, &other)).await, Deployed::Module);
        assert_eq!(body(&server, "/count").await, "11");
        if is_worker {
            assert_ne!(body(&server, "/process").await, process);
            eventually("the former worker ends", async || !std::path::Path::new(&format!("/proc/{process}")).exists())
                .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_that_cannot_be_loaded_leaves_the_one_before() {
    let server = Running::start().await;
    let good = module(&[("/", "{ body: 'good' }")]);
    server.show(&release(server.root(), &good, &[("a.css", "1")])).await;
    let broken = release(server.root(), "\n  throw new Error('broken');", &[]);
    let error = server.deployments.deploy(&broken).await.unwrap_err();
    assert!(matches!(error, LoadError::Host(_)), "{error}");
    let finding = LiveFinding::from(&error);
    assert_eq!((finding.file.as_deref(), finding.line), (Some("build/backend/module.js"), Some(2)));
    assert!(finding.message.contains("broken"), "{finding:?}");
    assert_eq!(body(&server, "/").await, "good");
    assert_eq!(server.get("/readyz").await.status, 200);
    assert_eq!(server.show(&release(server.root(), &good, &[("a.css", "2")])).await, site(&["/a.css"], true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_environment_is_taken_over() {
    let server = Running::with(Some(webstir_runtime::Live::new()), &[("GREETING", "one")]).await;
    let text = module(&[
        ("/greeting", "{ body: process.env.GREETING ?? 'none' }"),
        ("/count", "{ body: String(++count) }"),
        ("/visits", "(ctx.session = { visits: (ctx.session?.visits ?? 0) + 1 }, { body: String(ctx.session.visits) })"),
        ("/slow", "(slow += 1, await until('go'), { body: process.env.GREETING })"),
        ("/begun", "{ body: String(slow) }"),
        ("/who", "{ body: ctx.auth?.source ?? 'nobody' }"),
    ]);
    // What runs is told by a file that it may go on: other requests reach the module that follows it.
    let text = format!(
        "import {{ existsSync }} from 'node:fs';\nlet slow = 0;\nconst until = async (name) => {{\n\
         while (!existsSync(new URL(`../../${{name}}`, import.meta.url))) await new Promise((done) => setTimeout(done, 5));\n}};\n{text}"
    );
    let current = release(server.root(), &text, &[]);
    server.show(&current).await;
    let reconfigure = async |variables: &[(&str, &str)]| {
        let (environment, settings) = configuration(server.root(), variables);
        server.deployments.reconfigure(&environment, settings).await
    };
    let cookie =
        |reply: &super::client::Reply| reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let session = cookie(&server.get("/visits").await);
    let visits = async || {
        let headers = [("cookie", session.as_str()), ("sec-fetch-dest", "empty")];
        server.send("GET", "/visits", &headers).await.text
    };
    assert_eq!(visits().await, "2");
    assert_eq!(body(&server, "/count").await, "1");
    // Nothing that the module sees.
    assert_eq!(reconfigure(&[("GREETING", "one")]).await.unwrap(), Deployed::Unchanged);
    assert_eq!(body(&server, "/count").await, "2");
    let (slow, deployed) = tokio::join!(body(&server, "/slow"), async {
        eventually("it runs", async || body(&server, "/begun").await == "1").await;
        let variables = [("GREETING", "two"), ("AUTH_SERVICE_TOKENS", "token"), ("SESSION_MAX_AGE", "60")];
        let deployed = reconfigure(&variables).await.unwrap();
        std::fs::write(server.root().join("go"), "").unwrap();
        deployed
    });
    assert_eq!((slow.as_str(), deployed), ("one", Deployed::Module));
    assert_eq!(body(&server, "/greeting").await, "two");
    assert_eq!(body(&server, "/count").await, "1");
    assert_eq!(visits().await, "3", "the store is the same, and what signs cookies");
    let headers = [("x-service-token", "token"), ("sec-fetch-dest", "empty")];
    assert_eq!(server.send("GET", "/who", &headers).await.text, "service-token");
    assert_eq!(server.deployments.deploy(&current).await.unwrap(), Deployed::Unchanged);
    reconfigure(&[("SESSION_SECRET", "another")]).await.unwrap();
    assert_eq!((body(&server, "/greeting").await.as_str(), visits().await.as_str()), ("none", "1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_environment_that_breaks_the_module_waits_for_one_that_does_not() {
    let server = Running::with(Some(webstir_runtime::Live::new()), &[("KEY", "1")]).await;
    let text = |check: &str| format!("{check}\n{}", module(&[("/", "{ body: String(process.env.KEY) }")]));
    let strict = release(server.root(), &text("if (!process.env.KEY) throw new Error('no key');"), &[]);
    server.show(&strict).await;
    let (environment, settings) = configuration(server.root(), &[]);
    server.deployments.reconfigure(&environment, settings).await.unwrap_err();
    assert_eq!(body(&server, "/").await, "1");
    server.deployments.deploy(&strict).await.unwrap_err();
    assert_eq!(server.show(&release(server.root(), &text(""), &[])).await, Deployed::Module);
    assert_eq!(body(&server, "/").await, "undefined");
}

/// Views name the page in their body, and their module in the data: both are of one release.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_response_belongs_to_one_release() {
    const DEPLOYMENTS: usize = 1000;
    let server = Arc::new(Running::start().await);
    let of = |number: usize| {
        // Every tenth brings another module; the page says which it is of.
        let generation = number / 10;
        let text = format!(
            "export const module = {{ routes: [], views: [{{ definition: {{ name: 'v', path: '/v/:id' }},
               load: async () => {{ await null; return {{ generation: {generation} }}; }} }}] }};"
        );
        let page = format!("<body>generation {generation}; number {number};</body>");
        release(server.root(), &text, &[("pages/v/index.html", &page), ("n.txt", &number.to_string())])
    };
    server.show(&of(0)).await;
    let (is_over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (is_over, asked, address) = (Arc::clone(&is_over), Arc::clone(&asked), server.address);
            tokio::spawn(async move {
                let mut before = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let reply = send(address, "GET", "/v/1", &[]).await;
                    assert_eq!(reply.status, 200, "{reply:?}");
                    let after = |text: &str, end: char| -> usize {
                        let rest = reply.text.split(text).nth(1).unwrap();
                        rest.split(end).next().unwrap().parse().unwrap()
                    };
                    let page = after("generation ", ';');
                    assert_eq!(page, after("\"generation\":", '}'), "{}", reply.text);
                    let number = after("number ", ';');
                    assert!(number >= before && number / 10 == page, "{} after {before}", reply.text);
                    before = number;
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for number in 1..=DEPLOYMENTS {
        let deployed = server.show(&of(number)).await;
        assert_eq!(deployed == Deployed::Module, number % 10 == 0, "{number}: {deployed:?}");
        if number % 50 == 0 {
            let enough = asked.load(Ordering::Relaxed) + 4;
            eventually("requests go on", async || asked.load(Ordering::Relaxed) >= enough).await;
        }
    }
    is_over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    assert!(server.get("/v/1").await.text.contains("number 1000;"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_deployments_at_once_the_last_is_served() {
    let server = Running::start().await;
    let of = |number: usize| release(server.root(), &module(&[("/", &format!("{{ body: 'n{number}' }}"))]), &[]);
    let (one, two, three) = (of(1), of(2), of(3));
    let deployed = tokio::join!(
        server.deployments.deploy(&one),
        server.deployments.deploy(&two),
        server.deployments.deploy(&three)
    );
    assert!(deployed.0.is_ok() && deployed.1.is_ok() && deployed.2.is_ok());
    assert_eq!(body(&server, "/").await, "n3");
}

/// The next build places its pages before it is deployed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_those_of_the_release_and_not_of_the_disk() {
    let server = Running::start().await;
    let frontend = server.root().join("build/frontend");
    std::fs::create_dir_all(frontend.join("pages/v")).unwrap();
    let text = "export const module = { routes: [], views: [{ definition: { name: 'v', path: '/v/:id' } }] };";
    let place = |page: &str| {
        std::fs::write(frontend.join("pages/v/index.html"), page).unwrap();
        let index = AssetIndex::read(&frontend).unwrap().believing_nothing();
        of_site(server.root(), text, Site::new(index, PageViews::default()))
    };
    server.show(&place("<body>first</body>")).await;
    let second = place("<body>second</body>");
    for path in ["/v/1", "/v"] {
        assert!(body(&server, path).await.contains("first"), "{path}");
    }
    std::fs::write(frontend.join("pages/v/index.html"), "<body>third</body>").unwrap();
    let error = server.deployments.deploy(&second).await.unwrap_err();
    assert!(error.to_string().contains("pages/v/index.html"), "{error}");
    assert!(body(&server, "/v/1").await.contains("first"));
    server.show(&place("<body>third</body>")).await;
    assert!(body(&server, "/v/1").await.contains("third"));
}
