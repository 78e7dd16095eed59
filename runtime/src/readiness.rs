use crate::application::ManifestSummary;
#[derive(Clone, Copy, PartialEq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Booting,
    Ready,
    Error,
}
#[derive(serde::Serialize)]
pub struct Readiness {
    pub status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<ManifestSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<serde_json::Value>,
}
impl Readiness {
    pub fn is_ready(&self) -> bool {
        self.status == Status::Ready
    }
}
