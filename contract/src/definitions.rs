//! The tables of contract 1.0.0: every object of the module manifest, its fields in order, and what happens to unknown keys.

use crate::schema::{Field, ObjectShape, Presence, Shape, Unknown, Variant};

const fn required(name: &'static str, shape: &'static Shape) -> Field {
    Field { name, shape, presence: Presence::Required }
}

const fn optional(name: &'static str, shape: &'static Shape) -> Field {
    Field { name, shape, presence: Presence::Optional }
}

const fn stripped(fields: &'static [Field]) -> ObjectShape {
    ObjectShape { unknown: Unknown::Stripped, fields }
}

const fn strict(fields: &'static [Field]) -> ObjectShape {
    ObjectShape { unknown: Unknown::Rejected, fields }
}

const fn list(item: &'static Shape) -> Shape {
    Shape::List { item, min: 0 }
}

static TEXT: Shape = Shape::Text { min: 0 };
static NAME: Shape = Shape::Text { min: 1 };
static FLAG: Shape = Shape::Bool;
static ANY: Shape = Shape::Any;
static INTEGER: Shape = Shape::Integer { min: None, max: None };
static STATUS: Shape = Shape::Integer { min: Some(100), max: Some(599) };
static TEXTS: Shape = list(&TEXT);
static NAMES: Shape = list(&NAME);
static RENDER_MODE: Shape = Shape::OneOf(&["ssg", "ssr", "spa"]);

/// The root of the manifest.
pub static MODULE_MANIFEST: Shape = Shape::Object(&stripped(&[
    required("contractVersion", &NAME),
    required("name", &NAME),
    required("version", &NAME),
    required("kind", &Shape::OneOf(&["frontend", "backend"])),
    optional("capabilities", &TEXTS),
    optional("assets", &TEXTS),
    optional("requestHooks", &list(&REQUEST_HOOK)),
    optional("routes", &list(&ROUTE)),
    optional("views", &list(&VIEW)),
    optional("jobs", &list(&JOB)),
    optional("events", &list(&EVENT)),
    optional("services", &list(&SERVICE)),
    optional("init", &TEXT),
    optional("dispose", &TEXT),
]));

/// A hook that routes may name.
pub static REQUEST_HOOK: Shape = Shape::Object(&strict(&[
    required("id", &NAME),
    required("phase", &Shape::OneOf(&["beforeAuth", "beforeHandler", "afterHandler"])),
    required("order", &INTEGER),
    optional("summary", &TEXT),
    optional("description", &TEXT),
]));

static REQUEST_HOOK_REFERENCE: Shape = Shape::Object(&strict(&[required("id", &NAME)]));

/// One HTTP route.
pub static ROUTE: Shape = Shape::Object(&stripped(&[
    required("name", &NAME),
    required("method", &Shape::OneOf(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])),
    required("path", &NAME),
    optional("summary", &TEXT),
    optional("description", &TEXT),
    optional("tags", &TEXTS),
    optional("interaction", &Shape::OneOf(&["navigation", "mutation"])),
    optional("requestHooks", &list(&REQUEST_HOOK_REFERENCE)),
    optional("session", &SESSION),
    optional("flash", &FLASH),
    optional("form", &FORM),
    optional("fragment", &FRAGMENT),
    optional("input", &ROUTE_INPUT),
    optional("output", &ROUTE_OUTPUT),
    optional("errors", &list(&MODULE_ERROR)),
    optional("renderMode", &RENDER_MODE),
    optional("staticPaths", &NAMES),
    optional("ssg", &STATIC_GENERATION),
]));

static SESSION: Shape =
    Shape::Object(&strict(&[optional("mode", &Shape::OneOf(&["optional", "required"])), optional("write", &FLAG)]));

static FLASH: Shape = Shape::Object(&strict(&[
    optional("consume", &NAMES),
    optional(
        "publish",
        &list(&Shape::Object(&strict(&[
            required("key", &NAME),
            optional("level", &Shape::OneOf(&["info", "success", "warning", "error"])),
            optional("when", &Shape::OneOf(&["always", "success", "error"])),
        ]))),
    ),
]));

static FORM: Shape = Shape::Object(&strict(&[
    optional("contentType", &Shape::OneOf(&["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])),
    optional("csrf", &FLAG),
    optional("session", &SESSION),
    optional("flash", &FLASH),
]));

static FRAGMENT: Shape = Shape::Object(&strict(&[
    required("target", &NAME),
    optional("selector", &NAME),
    optional("mode", &Shape::OneOf(&["replace", "append", "prepend"])),
]));

static SCHEMA_REFERENCE: Shape = Shape::Object(&stripped(&[
    Field {
        name: "kind",
        shape: &Shape::OneOf(&["zod", "json-schema", "ts-rest"]),
        presence: Presence::Default("zod"),
    },
    required("name", &TEXT),
    optional("source", &TEXT),
]));

/// What a route takes.
pub static ROUTE_INPUT: Shape = Shape::Object(&strict(&[
    optional("params", &SCHEMA_REFERENCE),
    optional("query", &SCHEMA_REFERENCE),
    optional("body", &SCHEMA_REFERENCE),
    optional("headers", &SCHEMA_REFERENCE),
]));

/// What a route gives: one answer, or a list of them.
pub static ROUTE_OUTPUT: Shape = Shape::Union(&[
    Variant {
        mark: "responses",
        shape: &Shape::Object(&strict(&[required("responses", &Shape::List { item: &ANSWER, min: 1 })])),
    },
    Variant { mark: "redirect", shape: &REDIRECT_ANSWER },
    Variant { mark: "fragment", shape: &FRAGMENT_ANSWER },
    Variant { mark: "body", shape: &BODY_ANSWER },
]);

static ANSWER: Shape = Shape::Union(&[
    Variant { mark: "redirect", shape: &REDIRECT_ANSWER },
    Variant { mark: "fragment", shape: &FRAGMENT_ANSWER },
    Variant { mark: "body", shape: &BODY_ANSWER },
]);

static BODY_ANSWER: Shape = Shape::Object(&strict(&[
    required("body", &SCHEMA_REFERENCE),
    optional("status", &STATUS),
    optional("headers", &SCHEMA_REFERENCE),
]));

static REDIRECT_ANSWER: Shape = Shape::Object(&strict(&[
    required(
        "redirect",
        &Shape::Object(&strict(&[
            optional("status", &Shape::OneOfNumbers(&[301, 302, 303, 307, 308])),
            optional("location", &NAME),
        ])),
    ),
    optional("status", &STATUS),
    optional("headers", &SCHEMA_REFERENCE),
]));

static FRAGMENT_ANSWER: Shape = Shape::Object(&strict(&[
    required("body", &SCHEMA_REFERENCE),
    required("fragment", &FRAGMENT),
    optional("status", &STATUS),
    optional("headers", &SCHEMA_REFERENCE),
]));

/// An error that a route may answer with.
pub static MODULE_ERROR: Shape = Shape::Object(&stripped(&[
    required("code", &Shape::OneOf(&["validation", "auth", "not_found", "domain", "conflict", "internal"])),
    required("message", &TEXT),
    optional("details", &ANY),
    optional("cause", &ANY),
    optional("correlationId", &TEXT),
]));

/// One page that the server renders or that a frontend page serves.
pub static VIEW: Shape = Shape::Object(&stripped(&[
    required("name", &NAME),
    required("path", &NAME),
    optional("page", &TEXT),
    optional("summary", &TEXT),
    optional("description", &TEXT),
    optional("tags", &TEXTS),
    optional("params", &SCHEMA_REFERENCE),
    optional("data", &SCHEMA_REFERENCE),
    optional("renderMode", &RENDER_MODE),
    optional("staticPaths", &NAMES),
    optional("ssg", &STATIC_GENERATION),
]));

static STATIC_GENERATION: Shape = Shape::Object(&stripped(&[optional("revalidateSeconds", &Shape::PositiveInteger)]));

static JOB: Shape = Shape::Object(&stripped(&[
    required("name", &NAME),
    optional("schedule", &TEXT),
    optional("description", &TEXT),
    optional("priority", &Shape::IntegerOrText),
]));

static EVENT: Shape = Shape::Object(&stripped(&[
    required("name", &NAME),
    optional("payload", &SCHEMA_REFERENCE),
    optional("description", &TEXT),
]));

static SERVICE: Shape = Shape::Object(&stripped(&[required("name", &NAME), optional("description", &TEXT)]));
