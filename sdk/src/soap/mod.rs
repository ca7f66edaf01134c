//! SOAP 1.1 and 1.2. A plugin is an impl block of typed functions under the attribute [`soap`](macro@crate::soap), from
//! which the reading of requests, the writing of responses and faults, and the WSDL with its schema are made; or it
//! implements [`Handler`] and works with XML itself. The host owns envelopes, header processing and HTTP, so nothing of
//! them is here.
//!
//! ```
//! use guesthouse_sdk::soap::{Decimal, SoapFault};
//!
//! /// A till.
//! struct Till;
//!
//! #[derive(SoapFault)]
//! enum TillFault {
//!     /// The price is not over nought.
//!     #[fault(sender, reason = "{price} is no price")]
//!     BadPrice { price: Decimal },
//! }
//!
//! #[guesthouse_sdk::soap(namespace = "urn:example:till", service = "Till")]
//! impl Till {
//!     /// Adds the tax to a price.
//!     #[operation(returns = "total")]
//!     fn add_tax(net_price: Decimal) -> Result<Decimal, TillFault> {
//!         if !net_price.is_positive() {
//!             return Err(TillFault::BadPrice { price: net_price });
//!         }
//!         let rate: Decimal = "1.19".parse().unwrap_or_default();
//!         net_price.checked_mul(rate).ok_or(TillFault::BadPrice { price: net_price })
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! Parameters, fields and results may be `String`, `bool`, integers of 8 to 64 bits, `f64`, [`Decimal`], [`Date`],
//! [`DateTime`], [`Bytes`], types that derive [`XmlValue`](macro@XmlValue), and an `Option` or a `Vec` of these.

mod decimal;
mod lexical;
pub mod schema;
pub mod service;
pub mod value;
mod wsdl;
pub mod xml;

pub use decimal::{Decimal, DecimalError};
pub use guesthouse_sdk_macros::{SoapFault, XmlValue};
pub use lexical::{Bytes, Date, DateError, DateTime};
pub use service::{Operation, Service, SoapFault};
pub use value::{Mismatch, XmlField, XmlSequence, XmlValue};
pub use wsdl::wsdl;
pub use xml::{Element, XmlError};

pub use crate::bindings::soap::{
    Attachment, Call, Fault as FaultParts, FaultCode, HeaderBlock, QualifiedName, Reply,
    Service as Description, Version,
};

/// Why a call failed. Its parts are those of [`FaultParts`]; they stand behind a pointer, so that a `Result` that could be
/// a fault is small when it is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(Box<FaultParts>);

impl std::ops::Deref for Fault {
    type Target = FaultParts;

    fn deref(&self) -> &FaultParts {
        &self.0
    }
}

impl std::ops::DerefMut for Fault {
    fn deref_mut(&mut self) -> &mut FaultParts {
        &mut self.0
    }
}

impl From<FaultParts> for Fault {
    fn from(parts: FaultParts) -> Self {
        Self(Box::new(parts))
    }
}

impl From<Fault> for FaultParts {
    fn from(fault: Fault) -> Self {
        *fault.0
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.reasons.first().map_or("a fault without a reason", |(_, reason)| reason))
    }
}

impl std::error::Error for Fault {}

/// A SOAP plugin that works with XML itself. Put the attribute [`soap`](macro@crate::soap) on the impl to export it.
pub trait Handler {
    /// Runs one call. [`Element::parse`] reads its body and its header blocks.
    ///
    /// # Errors
    /// The fault that the caller gets.
    fn handle(call: Call) -> Result<Reply, Fault>;

    /// What the plugin can do; unless told otherwise, both versions, every operation and no header blocks.
    fn describe() -> Description {
        Description {
            versions: vec![Version::Soap11, Version::Soap12],
            understands: Vec::new(),
            roles: Vec::new(),
            operations: Vec::new(),
        }
    }

    /// The WSDL for a service at `address`; unless told otherwise, there is none.
    fn wsdl(address: &str) -> String {
        let _ = address;
        String::new()
    }
}

impl QualifiedName {
    /// A name in a namespace; an empty namespace for none.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl Reply {
    /// A reply whose body is one element that declares its own namespaces.
    pub fn new(body: impl Into<String>) -> Self {
        Self { headers: Vec::new(), body: Some(body.into()), attachments: Vec::new() }
    }

    /// No reply: the host answers 202 without an envelope.
    #[must_use]
    pub const fn one_way() -> Self {
        Self { headers: Vec::new(), body: None, attachments: Vec::new() }
    }

    /// Adds a header block, one element that declares its own namespaces.
    #[must_use]
    pub fn with_header(mut self, xml: impl Into<String>) -> Self {
        self.headers.push(xml.into());
        self
    }

    /// Adds a part beside the envelope. The body includes it with `<xop:Include href="cid:..."/>`, or does not name it.
    #[must_use]
    pub fn with_attachment(
        mut self,
        content_id: impl Into<String>,
        content_type: impl Into<String>,
        content: impl Into<Vec<u8>>,
    ) -> Self {
        let (content_id, content_type, content) = (content_id.into(), content_type.into(), content.into());
        self.attachments.push(Attachment { content_id, content_type, content });
        self
    }
}

impl Fault {
    /// A fault with a reason in English.
    pub fn new(code: FaultCode, reason: impl Into<String>) -> Self {
        let parts = FaultParts {
            code,
            subcodes: Vec::new(),
            reasons: vec![("en".into(), reason.into())],
            node: None,
            role: None,
            detail: None,
            headers: Vec::new(),
        };
        parts.into()
    }

    /// The message is wrong, and sending it again will not help. Client in SOAP 1.1.
    pub fn sender(reason: impl Into<String>) -> Self {
        Self::new(FaultCode::Sender, reason)
    }

    /// The service failed, and the same message may succeed later. Server in SOAP 1.1.
    pub fn receiver(reason: impl Into<String>) -> Self {
        Self::new(FaultCode::Receiver, reason)
    }

    /// Adds a subcode inside of those there are. SOAP 1.1 has none.
    #[must_use]
    pub fn with_subcode(mut self, subcode: QualifiedName) -> Self {
        self.subcodes.push(subcode);
        self
    }

    /// Sets the detail: elements that declare their own namespaces.
    #[must_use]
    pub fn with_detail(mut self, xml: impl Into<String>) -> Self {
        self.detail = Some(xml.into());
        self
    }
}
