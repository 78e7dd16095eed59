//! A module that has been loaded, ready to answer requests.
//!
//! An [`Application`] is made from a [`Release`] and never changes: a new release makes a new one. Its *module* may be that of the
//! application before, when the releases differ in nothing else than their sites. *Routes* and *views* are what the dispatcher found in
//! the module, joined with what `package.json` declares.

mod choice;
mod deployed;
mod reconcile;
mod release;

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::Value;
use webstir_contract::PathPattern;
use webstir_contract::artifacts::Engine;

use crate::assets::AssetError;
use crate::host::{HandlerHost, HostError, HostReply};
use crate::readiness::{ManifestSummary, manifest_line};
use crate::route::RouteTable;
use crate::session::FlashPlan;
use crate::site::Site;

pub(crate) use choice::Started;
pub use choice::{HandlerLimits, HostChoice};
pub use deployed::Deployed;
pub use release::{Foreseen, Release, ReleaseError};

/// A loaded module, with what is published beside it.
pub struct Application {
    module: Arc<Module>,
    site: Option<Arc<Site>>,
}

/// A loaded module.
pub(crate) struct Module {
    routes: Vec<Route>,
    views: Vec<View>,
    route_table: RouteTable,
    view_table: RouteTable,
    manifest: Option<ManifestSummary>,
    warnings: Vec<String>,
    is_defined: bool,
    has_dispose: bool,
    engine: Engine,
    host: Arc<dyn HandlerHost>,
}

/// A route of the module.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each says something else of it")]
pub struct Route {
    /// Its place among the routes that the dispatcher knows.
    pub index: usize,
    /// The declared name, else the path pattern.
    pub name: String,
    pub method: Method,
    pub pattern: PathPattern,
    pub session_required: bool,
    pub flash: FlashPlan,
    pub has_form: bool,
    pub csrf: bool,
    pub has_before_auth: bool,
    /// Its schemas are applied.
    pub validates: bool,
}

/// A request-time view of the module.
#[derive(Debug)]
pub struct View {
    pub index: usize,
    pub name: String,
    pub pattern: PathPattern,
    pub has_loader: bool,
}

/// Why a module cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{0}")]
    Host(#[from] HostError),
    #[error("The dispatcher described the module in a way that cannot be read: {0}")]
    Description(#[from] serde_json::Error),
    #[error("The module needs a worker, and neither `bun` nor `node` is installed or on the search path")]
    NoInterpreter,
    #[error("The published files cannot be read: {0}")]
    Site(#[from] AssetError),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Description {
    #[serde(default)]
    export_name: Option<String>,
    #[serde(default)]
    manifest: Option<Value>,
    routes: Vec<RouteDescription>,
    views: Vec<ViewDescription>,
    warnings: Vec<String>,
    #[serde(default)]
    has_init: bool,
    #[serde(default)]
    has_dispose: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RouteDescription {
    name: Option<String>,
    method: Option<String>,
    path: Option<String>,
    has_before_auth: bool,
    schemas: Vec<String>,
    #[serde(flatten)]
    definition: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ViewDescription {
    name: Option<String>,
    path: Option<String>,
    has_loader: bool,
}

impl Application {
    /// Of the module of a release, once it has started: calls its `init`.
    pub(crate) async fn initialize(
        release: &Release,
        engine: Engine,
        (host, description): Started,
    ) -> Result<Self, LoadError> {
        let description: Description = serde_json::from_str(&description)?;
        if description.has_init {
            host.call(r#"{"op":"init"}"#.to_owned(), None).await?;
        }
        let module = Arc::new(Module::compile(description, release, engine, host));
        Ok(Self { module, site: release.site.clone() })
    }

    /// Serves no route.
    pub fn empty() -> Self {
        Self { module: Arc::new(Module::empty()), site: None }
    }

    /// The same module with another site.
    #[must_use]
    pub fn with_site(&self, site: Option<Arc<Site>>) -> Self {
        Self { module: Arc::clone(&self.module), site }
    }

    pub(crate) fn module(&self) -> &Arc<Module> {
        &self.module
    }

    /// Routes by path; an index is one of [`Application::route`].
    pub fn routes(&self) -> &RouteTable {
        &self.module.route_table
    }

    /// Views by path; an index is one of [`Application::view`].
    pub fn views(&self) -> &RouteTable {
        &self.module.view_table
    }

    pub fn route(&self, index: usize) -> &Route {
        &self.module.routes[index]
    }

    pub fn view(&self, index: usize) -> &View {
        &self.module.views[index]
    }

    /// None when the module exports no manifest.
    pub fn manifest(&self) -> Option<&ManifestSummary> {
        self.module.manifest.as_ref()
    }

    /// The line that says what is served.
    pub fn manifest_line(&self) -> String {
        manifest_line(self.manifest(), self.module.routes.len(), self.module.views.len())
    }

    /// What is wrong with the module's configuration, without being an error.
    pub fn warnings(&self) -> &[String] {
        &self.module.warnings
    }

    /// Whether the bundle exports a module definition.
    pub fn has_module(&self) -> bool {
        self.module.is_defined
    }

    /// What runs its handlers.
    pub fn engine_name(&self) -> &'static str {
        match self.module.engine {
            Engine::Embedded => "embedded",
            Engine::Worker => "worker",
        }
    }

    /// What is published beside the module, in a `full` workspace.
    pub fn site(&self) -> Option<&Arc<Site>> {
        self.site.as_ref()
    }

    pub fn is_available(&self) -> bool {
        self.module.host.is_available()
    }

    pub async fn call(&self, message: String, body: Option<Bytes>) -> Result<HostReply, HostError> {
        self.module.host.call(message, body).await
    }
}

impl Module {
    fn empty() -> Self {
        Self {
            routes: Vec::new(),
            views: Vec::new(),
            route_table: RouteTable::default(),
            view_table: RouteTable::default(),
            manifest: None,
            warnings: Vec::new(),
            is_defined: false,
            has_dispose: false,
            engine: Engine::Embedded,
            host: Arc::new(NoHost),
        }
    }

    fn compile(description: Description, release: &Release, engine: Engine, host: Arc<dyn HandlerHost>) -> Self {
        let mut warnings = description.warnings;
        let declared = reconcile::declared_sessions(release.package_json.as_deref());
        let mut routes = Vec::new();
        let mut route_table = RouteTable::default();
        for (index, route) in description.routes.into_iter().enumerate() {
            match compile_route(index, route, &declared, &mut warnings) {
                Ok(mut route) => {
                    route.validates &= release.validates;
                    route_table.add(routes.len(), route.method.clone(), route.pattern.clone());
                    routes.push(route);
                }
                Err(warning) => warnings.push(warning),
            }
        }
        let mut views = Vec::new();
        let mut view_table = RouteTable::default();
        for (index, view) in description.views.into_iter().enumerate() {
            let path = view.path.unwrap_or_default();
            match PathPattern::parse(&path) {
                Ok(pattern) => {
                    view_table.add(views.len(), Method::GET, pattern.clone());
                    let name = view.name.unwrap_or_else(|| pattern.as_str().to_owned());
                    views.push(View { index, name, pattern, has_loader: view.has_loader });
                }
                Err(error) => warnings.push(format!("View \"{path}\" is not served: {error}.")),
            }
        }
        let manifest = description.manifest.map(|manifest| ManifestSummary::new(&manifest, routes.len(), views.len()));
        Self {
            routes,
            views,
            route_table,
            view_table,
            manifest,
            warnings,
            is_defined: description.export_name.is_some(),
            has_dispose: description.has_dispose,
            engine,
            host,
        }
    }

    /// Calls its `dispose`, then ends its host.
    pub(crate) async fn dispose(&self) {
        if self.has_dispose
            && let Err(error) = self.host.call(r#"{"op":"dispose"}"#.to_owned(), None).await
        {
            tracing::error!("[webstir] dispose failed: {error}");
        }
        self.host.close().await;
    }
}

fn compile_route(
    index: usize,
    route: RouteDescription,
    declared: &reconcile::DeclaredSessions,
    warnings: &mut Vec<String>,
) -> Result<Route, String> {
    let path = route.path.as_deref().unwrap_or("/");
    let refused = |reason: &dyn std::fmt::Display| format!("Route \"{path}\" is not served: {reason}.");
    let pattern = PathPattern::parse(path).map_err(|error| refused(&error))?;
    let method = route.method.as_deref().unwrap_or("GET").to_uppercase();
    let method = Method::from_bytes(method.as_bytes()).map_err(|error| refused(&error))?;
    let definition = &route.definition;
    let session = reconcile::session_mode(definition, &method, pattern.as_str(), declared, warnings);
    Ok(Route {
        index,
        name: route.name.unwrap_or_else(|| pattern.as_str().to_owned()),
        session_required: session.as_deref() == Some("required"),
        flash: FlashPlan::from_definition(definition),
        has_form: !definition["form"].is_null(),
        csrf: definition["form"]["csrf"] == Value::Bool(true) && method != Method::GET && method != Method::HEAD,
        has_before_auth: route.has_before_auth,
        validates: !route.schemas.is_empty(),
        method,
        pattern,
    })
}

/// Stands in where there is no module.
struct NoHost;

impl HandlerHost for NoHost {
    fn call(
        &self,
        _message: String,
        _body: Option<Bytes>,
    ) -> futures_util::future::BoxFuture<'_, Result<HostReply, HostError>> {
        Box::pin(async { Err(HostError::Unavailable("there is no module".to_owned())) })
    }

    fn is_available(&self) -> bool {
        true
    }

    fn close(&self) -> futures_util::future::BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}
