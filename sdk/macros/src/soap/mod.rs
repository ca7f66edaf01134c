//! The attribute `soap` and the derives `XmlValue` and `SoapFault`: from Rust items to the table, the readers and the
//! writers that `guesthouse_sdk::soap` runs. What is on the wire is decided there; here is only which names it gets.

mod fault;
mod names;
mod service;
mod value;

pub(crate) use fault::expand as derive_fault;
pub(crate) use service::expand as attribute;
pub(crate) use value::expand as derive_value;
