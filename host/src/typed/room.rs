//! How much host memory the arguments of one call may take.
//!
//! Owns the sums. A value in the engine's form has some forty bytes for each element of a list and more for each field of a
//! record, whatever the caller wrote to get it: `{}` can be a record of ten options. So room is taken before a value is made,
//! and a body under its own limit cannot become many times as much.

use wasmtime::component::Val;

use super::invalid::Invalid;

/// What an allocation takes besides what was asked for.
const ALLOCATION_BYTES: usize = 16;

/// What is left of `typed_value_bytes_max`.
#[derive(Debug)]
pub struct Room {
    left: usize,
    whole: u64,
}

impl Room {
    /// All of it.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        Self { left: usize::try_from(bytes_max).unwrap_or(usize::MAX), whole: bytes_max }
    }

    /// Takes room for this many values in a row.
    ///
    /// # Errors
    /// When there is not so much left.
    pub fn values(&mut self, count: usize) -> Result<(), Invalid> {
        self.take(count.saturating_mul(size_of::<Val>()))
    }

    /// Takes room for one allocation of this many bytes.
    ///
    /// # Errors
    /// When there is not so much left.
    pub fn bytes(&mut self, length: usize) -> Result<(), Invalid> {
        self.take(length.saturating_add(ALLOCATION_BYTES))
    }

    /// Takes room for the fields of a record, whose names the engine wants in every value.
    ///
    /// # Errors
    /// When there is not so much left.
    pub fn fields(&mut self, count: usize) -> Result<(), Invalid> {
        self.take(count.saturating_mul(size_of::<(String, Val)>().saturating_add(2 * ALLOCATION_BYTES)))
    }

    fn take(&mut self, bytes: usize) -> Result<(), Invalid> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            Invalid::new(
                format!("arguments that take up at most {} bytes (typed_value_bytes_max)", self.whole),
                "more",
            )
        })?;
        Ok(())
    }
}
