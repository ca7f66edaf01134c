//! What a page of the host may do in a browser.
//!
//! Owns the fields that hold a browser to it. Refuses to know what stands on the page, and which of its parts may run: whoever makes
//! one says so in its policy (Content Security Policy, level 3).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue};

/// What a policy calls an inline script or style: its hash.
#[must_use]
pub fn source(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}

/// Holds a browser to the page's policy, to its declared type, and to telling nobody where it has been.
pub fn guard(fields: &mut HeaderMap, policy: HeaderValue) {
    fields.insert(CONTENT_SECURITY_POLICY, policy);
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    fields.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}
