//! What all tests stand on: a host of one's own, a client that sends any bytes, other people's clients, and waiting for a
//! condition. Nothing here knows what a test is about.

pub(crate) mod guest;
pub(crate) mod host;
pub(crate) mod http;
pub(crate) mod random;
pub(crate) mod run;
pub(crate) mod socket;
pub(crate) mod wait;

pub(crate) use host::{Host, Shared};
pub(crate) use http::{Answer, Connection};
pub(crate) use run::{python, run};
pub(crate) use wait::until;

use std::path::{Path, PathBuf};

/// A folder or program that `make test` names in the environment. A test that cannot run fails: skipped, it would look as
/// if it had passed.
#[expect(clippy::disallowed_methods, reason = "this is where the tests read their configuration")]
pub(crate) fn from_environment(variable: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(value) if Path::new(&value).is_absolute() => value.into(),
        Some(value) => {
            panic!("{variable} is {value:?}, which is not an absolute path; run the tests with `make test`")
        }
        None => panic!(
            "{variable} is not set; run the tests with `make test`, or set it to what `make plugins conformance-plugins \
             clients` has built"
        ),
    }
}

/// A number that whoever runs a test may choose, or the one that is used without a choice.
#[expect(clippy::disallowed_methods, reason = "this is where the tests read their configuration")]
pub(crate) fn number_from_environment(variable: &str, otherwise: u64) -> u64 {
    let Some(value) = std::env::var_os(variable) else { return otherwise };
    let number = value.to_str().and_then(|text| text.parse().ok());
    number.unwrap_or_else(|| panic!("{variable} is {value:?}, which is not a number"))
}

/// The repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("host/ lies in the repository").to_path_buf()
}
