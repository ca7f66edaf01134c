//! A typed service as SOAP, document/literal wrapped: what stands in the body.
//!
//! Owns the wrapper elements: `<getOrder>` with an element for each parameter, `<getOrderResponse>` with `<result>`, and
//! `<getOrderFault>` in a fault's detail; and how a call is carried out between them. Refuses to know envelopes, versions and HTTP.

use wasmtime::component::Val;

use super::call::{Callee, Outcome};
use super::lift_xml::{self, Unwritable};
use super::lower_xml::{self, INSTANCE, Refusal};
use super::model::{Function, Service};
use super::room::Room;
use crate::capability::CallContext;
use crate::failure::Failure;
use crate::limits::PluginLimits;
use crate::protocol::soap::shared::Answer;
use crate::protocol::xml::{Bounds, Document, Event, Reader};

/// The namespace of a service's elements and types.
#[must_use]
pub fn namespace(service: &Service) -> String {
    format!("urn:guesthouse:{}", service.name)
}

/// Carries out one call: the local name of the body's one element, and that element.
pub(super) async fn call(
    callee: &Callee,
    context: &CallContext,
    operation: &str,
    body: &str,
) -> Result<Answer, Failure> {
    let Some((place, function)) = callee.find(operation) else { return Ok(Answer::Unknown) };
    let limits = callee.limits();
    let namespace = namespace(callee.service());
    let mut room = Room::new(limits.typed_value_bytes_max);
    let arguments = match arguments(function, &namespace, body, limits, &mut room) {
        Ok(arguments) => arguments,
        Err(Refusal::Invalid(invalid)) => return Ok(Answer::Invalid(invalid.sentence())),
        // The protocol has read the text before, so this is never seen.
        Err(Refusal::Xml(error)) => return Ok(Answer::Invalid(error.kind.public().to_owned())),
    };
    let unwritable = |error: Unwritable| callee.unwritable(function, error, context);
    let bytes_max = limits.response_bytes_max;
    match callee.call(place, arguments, context).await? {
        Outcome::Done(value) => {
            response(function, &namespace, value.as_ref(), bytes_max).map(Answer::Done).map_err(unwritable)
        }
        Outcome::Refused(error) => {
            let refused = callee.refused(function, error.as_ref(), context)?;
            let detail = detail(function, &namespace, error.as_ref(), bytes_max).map_err(unwritable)?;
            Ok(Answer::Refused { reason: refused.message, detail })
        }
    }
}

/// Reads the arguments of a function from the one element of a body.
///
/// # Errors
/// See [`Refusal`].
pub fn arguments(
    function: &Function,
    namespace: &str,
    body: &str,
    limits: &PluginLimits,
    room: &mut Room,
) -> Result<Vec<Val>, Refusal> {
    let document = Document::fragment(body)?;
    let mut reader = Reader::new(&document, Bounds::of(limits));
    loop {
        match reader.next()? {
            Event::Start(_) => break,
            // An empty body is a call of nothing; whoever reads envelopes has found the operation by this element.
            Event::Eof => return Ok(Vec::new()),
            Event::Text(_) | Event::End => {}
        }
    }
    lower_xml::arguments(&mut reader, namespace, &function.parameters, room)
}

/// Writes the one element of an answer's body.
///
/// # Errors
/// See [`Unwritable`].
pub fn response(
    function: &Function,
    namespace: &str,
    value: Option<&Val>,
    bytes_max: u64,
) -> Result<String, Unwritable> {
    let name = format!("{}Response", function.name);
    let mut out = open(&name, namespace);
    if let (Some(of), Some(value)) = (&function.returns.ok, value) {
        lift_xml::element("result", of, value, bytes_max, &mut out)?;
    }
    out.push_str(&format!("</{name}>"));
    Ok(out)
}

/// Writes the content of a fault's detail; none for an error that carries nothing.
///
/// # Errors
/// See [`Unwritable`].
pub fn detail(
    function: &Function,
    namespace: &str,
    error: Option<&Val>,
    bytes_max: u64,
) -> Result<Option<String>, Unwritable> {
    let (Some(of), Some(error)) = (&function.returns.error, error) else { return Ok(None) };
    let name = format!("{}Fault", function.name);
    let mut out = open(&name, namespace);
    lift_xml::element("error", of, error, bytes_max, &mut out)?;
    out.push_str(&format!("</{name}>"));
    Ok(Some(out))
}

fn open(name: &str, namespace: &str) -> String {
    // A plugin's name has no character that would have to be escaped.
    format!("<{name} xmlns=\"{namespace}\" xmlns:xsi=\"{INSTANCE}\">")
}
