//! Digests for `node:crypto`.

#![expect(clippy::needless_pass_by_value, reason = "the engine passes arguments by value")]

use hmac::{Hmac, Mac};
use md5::Md5;
use rquickjs::{Ctx, Exception};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::texts::from_byte_string;

/// A string with one character a byte.
fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn unknown(ctx: &Ctx<'_>, algorithm: &str) -> rquickjs::Error {
    Exception::throw_message(ctx, &format!("Digest method not supported: {algorithm}"))
}

pub(super) fn hash(ctx: Ctx<'_>, algorithm: String, data: String) -> rquickjs::Result<String> {
    let data = from_byte_string(&ctx, &data)?;
    Ok(match algorithm.as_str() {
        "md5" => text(&Md5::digest(&data)),
        "sha1" => text(&Sha1::digest(&data)),
        "sha256" => text(&Sha256::digest(&data)),
        "sha384" => text(&Sha384::digest(&data)),
        "sha512" => text(&Sha512::digest(&data)),
        _ => return Err(unknown(&ctx, &algorithm)),
    })
}

pub(super) fn hmac(ctx: Ctx<'_>, algorithm: String, key: String, data: String) -> rquickjs::Result<String> {
    let (key, data) = (from_byte_string(&ctx, &key)?, from_byte_string(&ctx, &data)?);
    let code = match algorithm.as_str() {
        "md5" => authenticate::<Hmac<Md5>>(&key, &data),
        "sha1" => authenticate::<Hmac<Sha1>>(&key, &data),
        "sha256" => authenticate::<Hmac<Sha256>>(&key, &data),
        "sha384" => authenticate::<Hmac<Sha384>>(&key, &data),
        "sha512" => authenticate::<Hmac<Sha512>>(&key, &data),
        _ => return Err(unknown(&ctx, &algorithm)),
    };
    Ok(text(&code))
}

fn authenticate<M: Mac + hmac::digest::KeyInit>(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = <M as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}
