//! Randomness from the operating system's cryptographic generator (`wasi:random`).

/// The most bytes that one call may ask for.
pub const BYTES_MAX: usize = 64 * 1024;

/// `count` random bytes; more than [`BYTES_MAX`] are cut to that.
pub fn bytes(count: usize) -> Vec<u8> {
    crate::host::random_bytes(count.min(BYTES_MAX))
}

/// A random number.
pub fn number() -> u64 {
    crate::host::random_u64()
}

/// A random name of 128 bits as 32 hexadecimal digits: for ids and tokens that nobody can guess.
pub fn id() -> String {
    format!("{:016x}{:016x}", number(), number())
}
