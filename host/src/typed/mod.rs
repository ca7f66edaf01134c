//! Typed services: a component that exports plain WIT functions of its own, served in every form at once.
//!
//! Owns the way from a component's types to REST, JSON-RPC, XML-RPC, SOAP and WebSocket and to the contract of each. What a value
//! is in each of them stands in `wit/MAPPING.md` and is tested by one table of cases. The parts:
//!
//! | module | what it does |
//! | --- | --- |
//! | `reflect`, `documentation` | from the component's types, and the doc comments of its WIT text, to the model |
//! | `model`, `names` | the model: what every other part reads |
//! | `lower_json`, `lower_text`, `lower_xml`, `lift_json`, `lift_xml`, `scalar`, `room`, `invalid` | texts to values and back, by the model |
//! | `call` | one call, and what a function's own error is for protocols |
//! | `rest`, `rpc`, `soap` | the forms |
//! | `contract` | the contracts, each a pure function of the model |
//! | `page` | the page for people, made of the contracts |
//! | `local` | a service without a protocol, for the command line |
//! | `endpoint` | which path below the mount is which of these |
//!
//! This module stands above the styles, and not among them: JSON-RPC, XML-RPC and SOAP have one code for their envelopes, batches
//! and faults, whether a plugin speaks the protocol itself or the host speaks it for the plugin.

pub mod call;
pub mod contract;
pub mod documentation;
mod endpoint;
pub mod invalid;
pub mod lift_json;
pub mod lift_xml;
pub mod local;
pub mod lower_json;
pub mod lower_text;
pub mod lower_xml;
pub mod model;
pub mod names;
pub mod page;
pub mod reflect;
pub mod rest;
pub mod room;
pub mod rpc;
pub mod scalar;
pub mod soap;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use anyhow::{Context, Result};

use self::call::Callee;
use self::documentation::Documentation;
use self::endpoint::TypedEndpoint;
use crate::capability::CallContext;
use crate::exchange::LocalFuture;
use crate::plugin::{Endpoint, Source, Style};
use crate::sandbox::Program;

/// What is served by a plugin's own types. Asked before the styles: its paths are known one by one, and theirs are not.
pub static ALL: &[&dyn Style] = &[&Typed];

/// The style of plugins that have no style of their own.
pub struct Typed;

impl Style for Typed {
    fn name(&self) -> &'static str {
        "typed"
    }

    fn interface(&self) -> &'static str {
        "any interface of its own, made of functions"
    }

    fn serves(&self, export: &str) -> bool {
        reflect::is_own(export)
    }

    fn bind<'a>(
        &'a self,
        program: Arc<Program>,
        context: CallContext,
        source: &'a Source,
    ) -> LocalFuture<'a, Result<Arc<dyn Endpoint>>> {
        Box::pin(async move {
            let (file, documentation) = match &source.text {
                Some((file, text)) => (file.as_str(), Documentation::parse(file, text)?),
                None => ("", Documentation::default()),
            };
            let plugin = Arc::clone(&program.capabilities().plugin);
            let component = program.component();
            let reflected = reflect::reflect(component, component.engine(), &plugin, &documentation)?;
            documentation
                .check(file, &reflected.service)
                .context("the WIT text does not describe this component")?;
            for omitted in &reflected.service.omitted {
                tracing::warn!("plugin {plugin}: `{}` is not served: {}", omitted.function, omitted.reason);
            }
            let callee = Callee::new(Arc::clone(&program), reflected);
            let endpoint = TypedEndpoint::new(callee, &context.mount, source)?;
            let endpoint: Arc<dyn Endpoint> = Arc::new(endpoint);
            Ok(endpoint)
        })
    }
}
