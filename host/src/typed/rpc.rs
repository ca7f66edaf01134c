//! A typed service as JSON-RPC and XML-RPC.
//!
//! Owns the list of methods and how one is carried out: parameters, by name or by place, to values, and values to a result. The
//! protocols themselves, with their batches, introspection and OpenRPC document, are those of RPC plugins.

use super::call::{Callee, Outcome};
use super::lower_json::{self, Dialect, Refusal};
use super::model::{Function, Service, Shape, Type};
use super::room::Room;
use crate::capability::CallContext;
use crate::protocol::rpc::shared::{CallError, Caller, INVALID_PARAMS, Kind, Method, Param, PluginFailure};

/// The service's functions as methods.
#[must_use]
pub fn methods(service: &Service) -> Vec<Method> {
    service.functions.iter().map(method).collect()
}

fn method(function: &Function) -> Method {
    let params = function
        .parameters
        .iter()
        .map(|parameter| Param {
            name: parameter.name.clone(),
            kind: kind(&parameter.of),
            required: !parameter.is_optional(),
            help: parameter.docs.clone(),
            // The contract of a typed service has schemas of its own.
            schema: None,
        })
        .collect();
    Method {
        name: function.name.clone(),
        help: function.docs.clone(),
        params,
        variadic: false,
        returns: function.returns.ok.as_deref().map_or(Kind::Nothing, kind),
        returns_schema: None,
    }
}

/// What introspection of XML-RPC says of a type.
fn kind(of: &Type) -> Kind {
    match &of.shape {
        Shape::Bool => Kind::Boolean,
        Shape::Integer(integer) if integer.is_wide() => Kind::Text,
        Shape::Integer(_) => Kind::Integer,
        Shape::Float32 | Shape::Float64 => Kind::Number,
        Shape::Char | Shape::String | Shape::Enum(_) => Kind::Text,
        Shape::Bytes => Kind::Bytes,
        Shape::List(_) | Shape::Tuple(_) | Shape::Flags(_) => Kind::Array,
        Shape::Record(_) => Kind::Object,
        // A string or a struct, as the case may be.
        Shape::Variant(_) | Shape::Result { .. } => Kind::Any,
        Shape::Option(inner) => kind(inner),
    }
}

/// Carries out calls of one request.
pub struct TypedCaller<'a> {
    /// The service.
    pub callee: &'a Callee,
    /// Who is calling.
    pub context: &'a CallContext,
    /// The protocol.
    pub dialect: Dialect,
}

impl Caller for TypedCaller<'_> {
    async fn call(&self, method: &str, params: Option<&str>) -> Result<String, CallError> {
        let Self { callee, context, dialect } = self;
        let Some((place, function)) = callee.find(method) else {
            return Err(CallError::Host(crate::failure::Failure::NotFound));
        };
        let limits = callee.limits();
        let mut room = Room::new(limits.typed_value_bytes_max);
        let arguments =
            lower_json::arguments(&function.parameters, params, limits.json_depth_max, *dialect, &mut room)
                .map_err(|refusal| self.invalid(&refusal))?;
        match callee.call(place, arguments, context).await.map_err(CallError::Host)? {
            Outcome::Done(value) => {
                callee.json(function, value.as_ref(), *dialect, context).map_err(CallError::Host)
            }
            Outcome::Refused(error) => {
                let refused = callee.refused(function, error.as_ref(), context).map_err(CallError::Host)?;
                Err(self.failure(refused.code, refused.message, refused.data))
            }
        }
    }
}

impl TypedCaller<'_> {
    fn invalid(&self, refusal: &Refusal) -> CallError {
        match refusal {
            Refusal::Invalid(invalid) => match self.dialect {
                Dialect::Json => {
                    self.failure(INVALID_PARAMS, "Invalid params".to_owned(), Some(invalid.json()))
                }
                Dialect::XmlRpc => {
                    self.failure(INVALID_PARAMS, format!("Invalid params: {}", invalid.sentence()), None)
                }
            },
            // The protocol has read the text before, so this is never seen.
            Refusal::Syntax(error) => self.failure(INVALID_PARAMS, format!("Invalid params: {error}"), None),
        }
    }

    /// A fault of XML-RPC has a code and a text and may have nothing else, so the data stands in the text, behind a line break.
    fn failure(&self, code: i32, message: String, data: Option<String>) -> CallError {
        let (message, data) = match (self.dialect, data) {
            (Dialect::XmlRpc, Some(data)) => (format!("{message}\n{data}"), None),
            (_, data) => (message, data),
        };
        CallError::Plugin(PluginFailure { code, message, data })
    }
}
