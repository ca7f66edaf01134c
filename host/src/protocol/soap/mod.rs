//! SOAP 1.1 (W3C Note of 8 May 2000, with WS-I Basic Profile 1.1 and 1.2) and SOAP 1.2 (W3C Recommendation, second edition).
//!
//! Owns envelopes, header blocks, faults and their binding to HTTP, so that a plugin sees one element of a body and answers
//! with one. Refuses to know what an operation means, and how its values are encoded: a host of literal messages has no use
//! for SOAP encoding, and hands it on as it is.
//!
//! Where the specifications leave a choice:
//!
//! - The version is that of the envelope. Its media type must be the other's equal, or the answer is 415 with the right one
//!   in `Accept`: a caller that mixes them could not read an answer in either form.
//! - An operation is known by the body's first child (R1127: a receiver must not need SOAPAction). SOAPAction may be quoted,
//!   bare or absent, and is also read in version 1.2, where zeep and SOAP::Lite send it.
//! - More than one child of the body (R9981) and anything after the body (R1011) is refused also in version 1.1: a part of a
//!   message that no one would look at must not be taken for processed.
//! - A processing instruction gets a Sender fault, as version 1.2 recommends (part 1, section 5).
//! - MTOM is read into its meaning: a plugin sees base64 text where a part was included. An answer leaves as MTOM only to a
//!   caller who sent MTOM, since nobody else has said that they could read it. Other parts are handed over as they are.
//! - WS-Addressing is processed here, since only the host knows where answers go; a plugin that names one of its header blocks
//!   as understood has them all to itself.
//! - Faults of version 1.1 have the status 500 always, since clients such as suds read no other. What goes wrong
//!   below SOAP (authentication, sizes, media types, overload) is a plain HTTP answer (R1125).

mod addressing;
mod contract;
mod endpoint;
mod envelope;
mod fault;
mod fragment;
#[cfg(test)]
mod guest_tests;
mod http;
mod message;
mod multipart;
pub(crate) mod shared;
#[cfg(test)]
#[allow(clippy::result_large_err, reason = "the type of an answer is that of the contract")]
mod transcripts;
mod xop;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use self::endpoint::SoapEndpoint;
use super::xml::is_name;
use crate::capability::CallContext;
use crate::plugin::{Endpoint, Source, Style};
use crate::sandbox::Program;

mod bindings {
    #![allow(missing_docs, reason = "generated from the WIT, which is documented")]
    wasmtime::component::bindgen!({ path: "../wit", world: "soap-plugin" });
}

use bindings::exports::guesthouse::plugin::soap::{
    Attachment, Call, Fault, FaultCode, HeaderBlock, QualifiedName, Reply, Service, Version,
};

const INTERFACE: &str = "guesthouse:plugin/soap@1.0.0";

/// What a plugin is given as its address when it is loaded, to see whether its contract is well-formed.
const PROBE_ADDRESS: &str = "http://localhost/";

/// The style.
pub struct Soap;

impl Style for Soap {
    fn name(&self) -> &'static str {
        "SOAP"
    }

    fn interface(&self) -> &'static str {
        INTERFACE
    }

    fn bind<'a>(
        &'a self,
        program: Arc<Program>,
        context: CallContext,
        _source: &'a Source,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<dyn Endpoint>>> + 'a>> {
        Box::pin(async move {
            let describe = program.export::<(), (Service,)>(INTERFACE, "describe", context.clone()).await?;
            let wsdl = program.export::<(String,), (String,)>(INTERFACE, "wsdl", context.clone()).await?;
            let handle = program.export(INTERFACE, "handle", context.clone()).await?;
            let service = program
                .call(&describe, (), context.clone())
                .await
                .with_context(|| format!("`describe` of `{INTERFACE}` failed"))?
                .value
                .0;
            check(&service).with_context(|| format!("what `describe` of `{INTERFACE}` answers"))?;
            let contract = program
                .call(&wsdl, (PROBE_ADDRESS.to_owned(),), context)
                .await
                .with_context(|| format!("`wsdl` of `{INTERFACE}` failed"))?
                .value
                .0;
            let actions = contract::check(&contract, &service, program.limits())
                .with_context(|| format!("the WSDL that `wsdl` of `{INTERFACE}` answers cannot be served"))?;
            let has_contract = !contract.is_empty();
            let addressing = !service.understands.iter().any(addressing::is_block);
            let endpoint: Arc<dyn Endpoint> =
                Arc::new(SoapEndpoint { program, service, handle, wsdl, has_contract, actions, addressing });
            Ok(endpoint)
        })
    }
}

/// Whether a plugin's description can be served.
fn check(service: &Service) -> Result<()> {
    if service.versions.is_empty() {
        bail!("`versions` is empty: name `soap11`, `soap12` or both");
    }
    for (list, names) in [("understands", &service.understands), ("operations", &service.operations)] {
        for (index, name) in names.iter().enumerate() {
            if !is_name(&name.name) {
                bail!("`{list}` item {index}: `{}` is not an XML name without a colon", name.name);
            }
        }
    }
    if let Some(index) = service.understands.iter().position(|name| name.namespace.is_empty()) {
        bail!(
            "`understands` item {index}: a header block is always in a namespace, and this name is in none"
        );
    }
    if let Some(index) = service.roles.iter().position(|role| role.is_empty() || role == envelope::ROLE_NONE)
    {
        bail!("`roles` item {index}: no service plays the empty role or the role `none`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Service {
        let name = |name: &str| QualifiedName { namespace: "urn:t".to_owned(), name: name.to_owned() };
        Service {
            versions: vec![Version::Soap11],
            understands: vec![name("Token")],
            roles: vec!["urn:role".to_owned()],
            operations: vec![name("Echo")],
        }
    }

    #[test]
    fn a_description_that_cannot_be_served_is_refused_with_its_item() {
        assert!(check(&service()).is_ok());
        let refused = |change: fn(&mut Service)| {
            let mut service = service();
            change(&mut service);
            check(&service).unwrap_err().to_string()
        };
        assert!(refused(|service| service.versions.clear()).contains("`versions` is empty"));
        assert!(
            refused(|service| service.operations[0].name = "a:b".to_owned())
                .contains("`operations` item 0: `a:b`")
        );
        assert!(refused(|service| service.understands[0].namespace.clear()).contains("`understands` item 0"));
        assert!(
            refused(|service| service.roles[0] = envelope::ROLE_NONE.to_owned()).contains("`roles` item 0")
        );
    }
}
