//! A typed service without a protocol: for those who stand before the host itself.
//!
//! Owns one call from JSON text to JSON text, with the whole reason when there is no result. That is for the operator: over a
//! protocol a caller never sees a guest's own text. Refuses to know where the text comes from.

use std::sync::Arc;

use super::call::Outcome;
use super::contract::wit;
use super::endpoint::TypedEndpoint;
use super::invalid::Invalid;
use super::lift_json;
use super::lower_json::{self, Dialect, Refusal};
use super::model::{Function, Service, Type};
use super::rest::Routes;
use super::room::Room;
use crate::capability::CallContext;
use crate::plugin::Plugin;
use crate::sandbox::CallFailure;

/// The typed service of a plugin.
pub struct Local(Arc<TypedEndpoint>);

/// What a function returned, as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It went well; `null` when there is nothing to say.
    Done(String),
    /// Its own error; `null` when that carries nothing.
    Refused(String),
}

/// Why a function was not called, or gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The arguments are not JSON.
    #[error("the arguments are not JSON: {0}")]
    Syntax(String),
    /// An argument does not fit its type.
    #[error("{}", .0.sentence())]
    Invalid(Invalid),
    /// The call failed.
    #[error(transparent)]
    Failed(#[from] CallFailure),
    /// The result cannot be written.
    #[error("the plugin's answer {0}")]
    Unwritable(#[from] lift_json::Unwritable),
}

impl Local {
    /// The typed service of a plugin, if it has one.
    #[must_use]
    pub fn of(plugin: &Plugin) -> Option<Self> {
        plugin.endpoint().map(Self)
    }

    /// Its functions and types.
    #[must_use]
    pub fn service(&self) -> &Service {
        self.0.callee().service()
    }

    /// How many bytes the arguments of one call may have as JSON.
    #[must_use]
    pub fn arguments_bytes_max(&self) -> u64 {
        self.0.callee().limits().body_bytes_max
    }

    /// The forms that have a path of their own below the mount, with that path.
    pub fn forms(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.paths().iter().map(|(path, form)| (form.name(), path.as_str()))
    }

    /// The REST route of the function at a place, `GET /orders/{id}`; none when REST is not served.
    #[must_use]
    pub fn route(&self, place: usize) -> Option<String> {
        let route = self.0.routes().map(Routes::all)?.iter().find(|route| route.function == place)?;
        let function = self.service().functions.get(place)?;
        Some(format!("{} {}", route.method, route.template(function)))
    }

    /// A function as WIT writes it.
    #[must_use]
    pub fn signature(&self, function: &Function) -> String {
        wit::signature(function)
    }

    /// The named types as WIT writes them.
    #[must_use]
    pub fn definitions(&self) -> String {
        wit::definitions(self.service())
    }

    /// The places of the functions that a name can mean: as it stands in WIT, as protocols have it, or either with its
    /// interface before it (`orders.get-order`, `acme:shop/orders@1.0.0#get-order`).
    #[must_use]
    pub fn find(&self, name: &str) -> Vec<usize> {
        let service = self.service();
        let is_meant = |function: &Function| {
            if function.name == name || function.wit == name || function.path == name {
                return true;
            }
            let last = function.name.rsplit('.').next().unwrap_or_default();
            let id = function.interface.and_then(|place| service.interfaces.get(place));
            let Some(id) = id.map(|interface| interface.id.as_str()) else { return last == name };
            let bare = id.split('@').next().unwrap_or_default();
            let short = bare.rsplit('/').next().unwrap_or_default();
            let of = |part: &str| part == last || part == function.wit;
            last == name
                || name.split_once('#').is_some_and(|(from, part)| (from == id || from == bare) && of(part))
                || name.split_once('.').is_some_and(|(from, part)| from == short && of(part))
        };
        let functions = service.functions.iter().enumerate();
        functions.filter(|(_, function)| is_meant(function)).map(|(place, _)| place).collect()
    }

    /// Calls the function at a place with JSON arguments: a list by place, or an object by name.
    ///
    /// # Errors
    /// See [`Unanswered`]. None when nothing stands at that place.
    pub async fn call(
        &self,
        place: usize,
        arguments: &str,
        context: &CallContext,
    ) -> Option<Result<Said, Unanswered>> {
        let callee = self.0.callee();
        let function = self.service().functions.get(place)?;
        let limits = callee.limits();
        let mut room = Room::new(limits.typed_value_bytes_max);
        let values = lower_json::arguments(
            &function.parameters,
            Some(arguments),
            limits.json_depth_max,
            Dialect::Json,
            &mut room,
        );
        let values = match values {
            Ok(values) => values,
            Err(Refusal::Syntax(error)) => return Some(Err(Unanswered::Syntax(error.to_string()))),
            Err(Refusal::Invalid(invalid)) => return Some(Err(Unanswered::Invalid(invalid))),
        };
        let outcome = match callee.attempt(place, values, context).await? {
            Ok(outcome) => outcome,
            Err(failure) => return Some(Err(failure.into())),
        };
        let (of, value): (Option<&Type>, _) = match &outcome {
            Outcome::Done(value) => (function.returns.ok.as_deref(), value),
            Outcome::Refused(error) => (function.returns.error.as_deref(), error),
        };
        let mut text = String::new();
        match (of, value) {
            (Some(of), Some(value)) => {
                let bytes_max = limits.response_bytes_max;
                if let Err(error) = lift_json::value(of, value, Dialect::Json, bytes_max, &mut text) {
                    return Some(Err(error.into()));
                }
            }
            _ => text.push_str("null"),
        }
        Some(Ok(match outcome {
            Outcome::Done(_) => Said::Done(text),
            Outcome::Refused(_) => Said::Refused(text),
        }))
    }
}
