//! A typed service as REST: JSON over plain HTTP.
//!
//! Owns which request is which function (by convention or by the manifest's templates), how arguments stand in path, query and
//! body, and the statuses. A route is made once, at load, and says for each parameter where it stands, so that the OpenAPI document
//! is read off it. Refuses to know how a value is written.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, Result, anyhow, bail, ensure};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::json;
use wasmtime::component::Val;

use super::call::{Callee, Outcome, Refused};
use super::invalid::{self, Invalid};
use super::lower_json::{self, Dialect, Refusal};
use super::lower_text;
use super::model::{Field, Function, Service};
use super::room::Room;
use crate::exchange::{Payload, Response};
use crate::failure::Failure;
use crate::plugin::Exchange;
use crate::plugin::manifest::Presentation;
use crate::protocol::media_type::MediaType;
use crate::protocol::problem;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Words with which the name of a function begins that only reads.
const READING: [&str; 5] = ["get", "list", "find", "search", "count"];

/// Where a function is served, and where each of its arguments stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: Method,
    /// Below the mount: literal segments and parameters.
    pub segments: Vec<Segment>,
    /// The function: a place in [`Service::functions`].
    pub function: usize,
    /// Parameters in the query string, by their places.
    pub query: Vec<usize>,
    /// Parameters in the body, by their places. Empty when there is no body.
    pub body: Vec<usize>,
}

/// A segment of a route's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// This text.
    Literal(String),
    /// The parameter at this place.
    Parameter(usize),
}

impl Route {
    /// The path as a template, with the names of parameters that styles use: `/orders/{id}`.
    #[must_use]
    pub fn template(&self, function: &Function) -> String {
        let mut out = String::new();
        for segment in &self.segments {
            out.push('/');
            match segment {
                Segment::Literal(text) => out.push_str(text),
                Segment::Parameter(place) => {
                    let name = function.parameters.get(*place).map_or("", |parameter| &parameter.name);
                    out.push_str(&format!("{{{name}}}"));
                }
            }
        }
        out
    }

    /// The parameters that stand in the path, by their places.
    pub fn path(&self) -> impl Iterator<Item = usize> + '_ {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Parameter(place) => Some(*place),
            Segment::Literal(_) => None,
        })
    }

    fn fits(&self, path: &[&str]) -> bool {
        self.segments.len() == path.len()
            && self.segments.iter().zip(path).all(|(segment, part)| match segment {
                Segment::Literal(text) => text == part,
                Segment::Parameter(_) => !part.is_empty(),
            })
    }
}

/// All routes of a service, and the statuses of its errors.
#[derive(Debug)]
pub struct Routes {
    routes: Vec<Route>,
    /// The routes whose path has no parameter, by that path.
    literal: HashMap<String, Vec<usize>>,
    /// The others, those with more literal segments at the front first.
    templates: Vec<usize>,
    statuses: BTreeMap<String, StatusCode>,
}

impl Routes {
    /// The routes of a service under its presentation. `reserved` are first segments that other forms have.
    ///
    /// # Errors
    /// When a template is none, names what the function does not have, or two functions would be served at one place.
    pub fn new(service: &Service, presentation: &Presentation, reserved: &BTreeSet<String>) -> Result<Self> {
        for name in presentation.routes.keys() {
            ensure!(
                service.functions.iter().any(|function| is_key(name, function)),
                "`typed.routes.{name}`: there is no function `{name}`; there are {}",
                service.functions.iter().take(20).map(|f| f.wit.as_str()).collect::<Vec<_>>().join(", ")
            );
        }
        let mut routes: Vec<Route> = Vec::new();
        for (place, function) in service.functions.iter().enumerate() {
            let route = match chosen(presentation, service, function) {
                Some((name, template)) => self::template(template, place, function)
                    .with_context(|| format!("`typed.routes.{name}`"))?,
                None => convention(place, function),
            };
            if let Some(Segment::Literal(first)) = route.segments.first()
                && reserved.contains(first)
            {
                bail!(
                    "the function `{}` would be served at `/{first}`, which another form has: give it a route of its own in \
                     `[typed.routes]`, or the form another path in `[typed.paths]`",
                    function.wit
                );
            }
            let alike = |other: &&Route| {
                other.method == route.method
                    && other.segments.len() == route.segments.len()
                    && other.segments.iter().zip(&route.segments).all(|pair| match pair {
                        (Segment::Literal(one), Segment::Literal(other)) => one == other,
                        (Segment::Parameter(_), Segment::Parameter(_)) => true,
                        _ => false,
                    })
            };
            if let Some(other) = routes.iter().find(alike) {
                let other = service.functions.get(other.function).map_or("", |function| &function.wit);
                bail!(
                    "the functions `{other}` and `{}` would both be served at `{} {}`; give one of them another route in \
                     `[typed.routes]`",
                    function.wit,
                    route.method,
                    route.template(function)
                );
            }
            routes.push(route);
        }
        let mut literal: HashMap<String, Vec<usize>> = HashMap::new();
        let mut templates = Vec::new();
        for (place, route) in routes.iter().enumerate() {
            if route.path().next().is_none() {
                let path: String = route.segments.iter().map(literal_text).collect();
                literal.entry(path).or_default().push(place);
            } else {
                templates.push(place);
            }
        }
        // `/orders/{id}/lines` is more than `/orders/{id}/{part}`: where both fit, the one with the earlier literal is meant.
        templates.sort_by_key(|place| {
            routes.get(*place).map(|route| {
                route
                    .segments
                    .iter()
                    .map(|segment| matches!(segment, Segment::Parameter(_)))
                    .collect::<Vec<_>>()
            })
        });
        Ok(Self { routes, literal, templates, statuses: statuses(service, presentation)? })
    }

    /// All routes, one for each function, in their order.
    #[must_use]
    pub fn all(&self) -> &[Route] {
        &self.routes
    }

    /// The status of an error's case.
    #[must_use]
    pub fn status(&self, case: Option<&str>) -> StatusCode {
        case.and_then(|case| self.statuses.get(case)).copied().unwrap_or(StatusCode::UNPROCESSABLE_ENTITY)
    }

    /// Whether something is served at a canonical path.
    #[must_use]
    pub fn serves(&self, path: &str) -> bool {
        !self.at(path).is_empty()
    }

    /// The routes at a canonical path, whatever their methods.
    fn at(&self, path: &str) -> Vec<&Route> {
        let get = |places: &[usize]| places.iter().filter_map(|place| self.routes.get(*place)).collect();
        if let Some(places) = self.literal.get(path) {
            return get(places);
        }
        let parts: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        let mut fitting = self.templates.iter().filter_map(|place| self.routes.get(*place));
        let Some(first) = fitting.by_ref().find(|route| route.fits(&parts)) else { return Vec::new() };
        // The methods of one template belong together; a less exact one behind it does not count.
        let shape = |route: &Route| -> Vec<Option<String>> {
            route
                .segments
                .iter()
                .map(|segment| match segment {
                    Segment::Literal(text) => Some(text.clone()),
                    Segment::Parameter(_) => None,
                })
                .collect()
        };
        let wanted = shape(first);
        std::iter::once(first).chain(fitting.filter(|route| shape(route) == wanted)).collect()
    }

    /// Answers a request.
    ///
    /// # Errors
    /// What the host says by itself.
    pub async fn answer(&self, callee: &Callee, mut exchange: Exchange) -> Result<Response, Failure> {
        let routes = self.at(&exchange.path);
        if routes.is_empty() {
            return Err(Failure::NotFound);
        }
        let method = &exchange.head.method;
        let wanted = if *method == Method::HEAD { &Method::GET } else { method };
        let Some(route) = routes.iter().find(|route| route.method == *wanted) else {
            let allow = allow(&routes);
            if *method == Method::OPTIONS {
                return Ok(problem::options(&allow));
            }
            return Err(Failure::MethodNotAllowed { allow });
        };
        let Some(function) = callee.service().functions.get(route.function) else {
            return Err(Failure::NotFound);
        };
        let body = if route.body.is_empty() { None } else { Some(body(callee, &mut exchange).await?) };
        let arguments = match self::arguments(callee, route, function, &exchange, body.as_deref()) {
            Ok(arguments) => arguments,
            Err(Refusal::Invalid(invalid)) => return Ok(refusal(&invalid)),
            Err(Refusal::Syntax(error)) => return Ok(malformed(&error.to_string())),
        };
        match callee.call(route.function, arguments, &exchange.context).await? {
            Outcome::Done(_) if function.returns.ok.is_none() => Ok(problem::empty(StatusCode::NO_CONTENT)),
            Outcome::Done(value) => {
                let text = callee.json(function, value.as_ref(), Dialect::Json, &exchange.context)?;
                Ok(respond(StatusCode::OK, JSON, text))
            }
            Outcome::Refused(error) => {
                let refused = callee.refused(function, error.as_ref(), &exchange.context)?;
                Ok(self.refused(&refused))
            }
        }
    }

    /// A function's own error as problem details, with the error itself in the member `error`.
    fn refused(&self, refused: &Refused) -> Response {
        let status = self.status(refused.case.as_deref());
        let members = problem::document(status, &refused.message);
        match &refused.data {
            Some(data) => problem::respond_with(status, members, "error", data),
            None => problem::respond(status, members),
        }
    }
}

/// Whether a key of the manifest names a function: as it stands in WIT, or with its interface where there are several.
fn is_key(key: &str, function: &Function) -> bool {
    key == function.wit || key == function.path
}

/// The manifest's template for a function. A key that is one function's path is meant for that one, and not for others of the
/// same name in other interfaces.
fn chosen<'p>(
    presentation: &'p Presentation,
    service: &Service,
    function: &Function,
) -> Option<(&'p String, &'p String)> {
    let routes = &presentation.routes;
    let is_path = || service.functions.iter().any(|other| other.path == function.wit);
    routes
        .get_key_value(&function.path)
        .or_else(|| if is_path() { None } else { routes.get_key_value(&function.wit) })
}

fn literal_text(segment: &Segment) -> String {
    match segment {
        Segment::Literal(text) => format!("/{text}"),
        Segment::Parameter(_) => String::new(),
    }
}

/// `GET` with a query string for what only reads, and `POST` with a body for the rest.
fn convention(place: usize, function: &Function) -> Route {
    let reads = READING.iter().any(|word| {
        function.wit == *word || function.wit.strip_prefix(word).is_some_and(|rest| rest.starts_with('-'))
    });
    let all: Vec<usize> = (0..function.parameters.len()).collect();
    let segments = function.path.split('/').map(|part| Segment::Literal(part.to_owned())).collect();
    let (method, query, body) =
        if reads { (Method::GET, all, Vec::new()) } else { (Method::POST, Vec::new(), all) };
    Route { method, segments, function: place, query, body }
}

/// Reads a template of the manifest.
fn template(text: &str, place: usize, function: &Function) -> Result<Route> {
    const FORM: &str = "write it as \"GET /orders/{id}\"";
    let (method, path) = text.split_once(' ').ok_or_else(|| anyhow!("`{text}` has no method; {FORM}"))?;
    let method = match method {
        "GET" => Method::GET,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        other => bail!("`{other}` is not a method for this; use GET, POST, PUT, PATCH or DELETE"),
    };
    let parts = path.strip_prefix('/').ok_or_else(|| anyhow!("`{path}` does not begin with `/`; {FORM}"))?;
    let mut segments = Vec::new();
    let mut in_path = BTreeSet::new();
    for part in parts.split('/') {
        if let Some(name) = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            let found = function.parameters.iter().position(|field| field.name == name || field.wit == name);
            let Some((parameter, field)) = found.and_then(|at| Some((at, function.parameters.get(at)?)))
            else {
                bail!("there is no parameter `{name}`; there are {}", names(&function.parameters));
            };
            ensure!(
                field.of.is_scalar(),
                "the parameter `{name}` cannot stand in a path: only numbers, texts, enums and the like can"
            );
            ensure!(in_path.insert(parameter), "the parameter `{name}` stands in the path twice");
            segments.push(Segment::Parameter(parameter));
        } else {
            let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            ensure!(
                !part.is_empty() && part != "." && part != ".." && part.bytes().all(unreserved),
                "the segment `{part}` is not allowed; segments are a parameter in braces, or letters, digits, `-`, `.`, `_`, `~`"
            );
            segments.push(Segment::Literal(part.to_owned()));
        }
    }
    let rest: Vec<usize> = (0..function.parameters.len()).filter(|at| !in_path.contains(at)).collect();
    // The content of a GET or DELETE request has no meaning in HTTP (RFC 9110, sections 9.3.1 and 9.3.5).
    let in_query = method == Method::GET || method == Method::DELETE;
    let (query, body) = if in_query { (rest, Vec::new()) } else { (Vec::new(), rest) };
    Ok(Route { method, segments, function: place, query, body })
}

fn names(fields: &[Field]) -> String {
    if fields.is_empty() {
        return "none".to_owned();
    }
    fields.iter().map(|field| field.wit.as_str()).collect::<Vec<_>>().join(", ")
}

/// The statuses of cases: the manifest's, else that of the reason phrase a case is named like.
fn statuses(service: &Service, presentation: &Presentation) -> Result<BTreeMap<String, StatusCode>> {
    let mut cases = BTreeSet::new();
    for function in &service.functions {
        if let Some(error) = &function.returns.error {
            cases.extend(error.cases().iter().map(|case| case.wit.clone()));
        }
    }
    let mut statuses: BTreeMap<String, StatusCode> =
        cases.iter().filter_map(|case| Some((case.clone(), status_of_phrase(case)?))).collect();
    for (case, status) in &presentation.errors {
        ensure!(
            cases.contains(case),
            "`typed.errors.{case}`: no function has an error with the case `{case}`; there are {}",
            cases.iter().take(20).cloned().collect::<Vec<_>>().join(", ")
        );
        let status =
            StatusCode::from_u16(*status).ok().filter(|s| s.is_client_error() || s.is_server_error());
        let status = status.ok_or_else(|| anyhow!("`typed.errors.{case}`: a status is from 400 to 599"))?;
        statuses.insert(case.clone(), status);
    }
    Ok(statuses)
}

/// `not-found` is 404: the statuses of RFC 9110 that say something about what was asked for, and not about the connection.
fn status_of_phrase(case: &str) -> Option<StatusCode> {
    Some(match case {
        "bad-request" => StatusCode::BAD_REQUEST,
        "unauthorized" | "forbidden" => StatusCode::FORBIDDEN,
        "payment-required" => StatusCode::PAYMENT_REQUIRED,
        "not-found" => StatusCode::NOT_FOUND,
        "conflict" | "already-exists" => StatusCode::CONFLICT,
        "gone" => StatusCode::GONE,
        "precondition-failed" => StatusCode::PRECONDITION_FAILED,
        "locked" => StatusCode::LOCKED,
        "too-many-requests" => StatusCode::TOO_MANY_REQUESTS,
        "not-implemented" => StatusCode::NOT_IMPLEMENTED,
        "service-unavailable" | "unavailable" => StatusCode::SERVICE_UNAVAILABLE,
        _ => return None,
    })
}

fn allow(routes: &[&Route]) -> String {
    let mut methods: BTreeSet<&str> = routes.iter().map(|route| route.method.as_str()).collect();
    if methods.contains("GET") {
        methods.insert("HEAD");
    }
    methods.insert("OPTIONS");
    methods.into_iter().collect::<Vec<_>>().join(", ")
}

/// The body, if its media type is JSON.
async fn body(callee: &Callee, exchange: &mut Exchange) -> Result<Bytes, Failure> {
    if !exchange.body.is_absent() && !is_json(&exchange.head.headers) {
        return Err(Failure::UnsupportedMediaType { accept: "application/json".to_owned() });
    }
    exchange.body.read(callee.limits().body_bytes_max).await
}

fn is_json(headers: &HeaderMap) -> bool {
    MediaType::of(headers).is_some_and(|media_type| media_type.essence == "application/json")
}

/// The arguments in the order of the parameters.
fn arguments(
    callee: &Callee,
    route: &Route,
    function: &Function,
    exchange: &Exchange,
    body: Option<&[u8]>,
) -> Result<Vec<Val>, Refusal> {
    let limits = callee.limits();
    let mut room = Room::new(limits.typed_value_bytes_max);
    let mut slots: Vec<Option<Val>> = Vec::new();
    slots.resize_with(function.parameters.len(), || None);
    let mut put = |place: usize, value: Val| {
        if let Some(slot) = slots.get_mut(place) {
            *slot = Some(value);
        }
    };
    let parts = exchange.path.strip_prefix('/').unwrap_or(&exchange.path).split('/');
    for (segment, part) in route.segments.iter().zip(parts) {
        if let Segment::Parameter(place) = segment
            && let Some(field) = function.parameters.get(*place)
        {
            let text = decode(part, false)
                .ok_or_else(|| Invalid::new("percent-encoded UTF-8", "something else").at(&field.name))?;
            let value = lower_text::scalar(&field.of, &text, &mut room);
            put(*place, value.map_err(|invalid| invalid.at(&field.name))?);
        }
    }
    let mut query = query(exchange.head.uri.query().unwrap_or_default())?;
    for place in &route.query {
        let Some(field) = function.parameters.get(*place) else { continue };
        let texts = query.remove(&field.name).unwrap_or_default();
        put(*place, lower_text::parameter(field, &texts, limits.json_depth_max, &mut room)?);
    }
    if let Some((name, _)) = query.pop_first() {
        let names: Vec<&str> = route
            .query
            .iter()
            .filter_map(|place| Some(function.parameters.get(*place)?.name.as_str()))
            .collect();
        let known = if names.is_empty() {
            "no parameters in the query".to_owned()
        } else {
            format!("only {}", names.join(", "))
        };
        return Err(Invalid::new(known, "an unknown parameter").at(&invalid::cut(&name)).into());
    }
    if let Some(body) = body {
        let fields: Vec<Field> =
            route.body.iter().filter_map(|place| function.parameters.get(*place).cloned()).collect();
        let text = crate::protocol::json::text(body)?;
        // Without a body there are no arguments, which is right where all of them may be left out.
        let text = if body.is_empty() { "{}" } else { text };
        if text.trim_start().starts_with('[') {
            return Err(Invalid::new("an object of the arguments", "a list").into());
        }
        let values =
            lower_json::arguments(&fields, Some(text), limits.json_depth_max, Dialect::Json, &mut room)?;
        for (place, value) in route.body.iter().zip(values) {
            put(*place, value);
        }
    }
    slots
        .into_iter()
        .zip(&function.parameters)
        .map(|(slot, field)| match slot {
            Some(value) => Ok(value),
            None => Ok(lower_json::missing(field)?),
        })
        .collect()
}

/// The parameters of a query string, decoded, each with all that was said of it.
fn query(text: &str) -> Result<BTreeMap<String, Vec<String>>, Invalid> {
    let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), Some(value)) = (decode(name, true), decode(value, true)) else {
            return Err(Invalid::new(
                "a query of percent-encoded UTF-8",
                format!("`{}`", invalid::cut(pair)),
            ));
        };
        parameters.entry(name).or_default().push(value);
    }
    Ok(parameters)
}

/// Percent-decoded text. In a query a plus is a space, as forms write it.
fn decode(text: &str, in_query: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            b'+' if in_query => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// A value that does not fit: 422, with the place in the form of RFC 9457's own example.
fn refusal(invalid: &Invalid) -> Response {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let mut members = problem::document(status, &invalid.sentence());
    let error = json!({
        "pointer": invalid.pointer(), "expected": invalid.expected, "found": invalid.found,
        "detail": format!("expected {}, found {}", invalid.expected, invalid.found),
    });
    members.insert("errors".to_owned(), json!([error]));
    problem::respond(status, members)
}

fn malformed(why: &str) -> Response {
    let status = StatusCode::BAD_REQUEST;
    let members = problem::document(status, &format!("The body is not JSON: {why}."));
    problem::respond(status, members)
}

fn respond(status: StatusCode, media_type: HeaderValue, text: String) -> Response {
    let mut response = Response::new(Payload::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}
