pub const CLIENT_ERROR_MAX_BYTES: usize = 32768;
pub fn log(_bytes: &[u8], _headers: &http::HeaderMap) {}
