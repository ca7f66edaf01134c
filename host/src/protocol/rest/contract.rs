//! What a plugin has declared, in the form that requests are held against.
//!
//! Owns path templates and methods: 404, 405 with `Allow`, OPTIONS and HEAD follow from them. The check of the declaration
//! itself happens once, when the plugin is loaded.

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};
use http::Method;

use super::Declared;
use crate::failure::Failure;

/// Endpoints of one plugin. More is no API but a program error.
const ENDPOINTS_MAX: usize = 1_000;
/// Segments of one template.
const SEGMENTS_MAX: usize = 32;

/// The methods of RFC 9110, section 9, of RFC 5789, and QUERY, the safe one with a body. Another is not implemented (501) rather
/// than not allowed here (405).
const KNOWN: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"];

/// A plugin's endpoints, grouped by path.
pub(super) struct Contract {
    paths: Vec<Path>,
    operations: usize,
}

struct Path {
    segments: Vec<Segment>,
    endpoints: Vec<(Method, Enforced)>,
    allow: String,
}

enum Segment {
    Literal(String),
    Parameter,
}

/// What the host enforces of one endpoint.
pub(super) struct Enforced {
    pub(super) consumes: Vec<String>,
    pub(super) produces: Vec<String>,
    pub(super) body_required: bool,
    pub(super) scopes: Vec<String>,
}

/// Where a request goes.
pub(super) enum Route<'a> {
    Endpoint(&'a Enforced),
    /// OPTIONS, which the host answers: the value of `Allow`.
    Options(&'a str),
}

impl Contract {
    pub(super) fn new(declared: Vec<Declared>) -> Result<Self> {
        ensure!(!declared.is_empty(), "it declares no endpoint");
        ensure!(declared.len() <= ENDPOINTS_MAX, "it declares more than {ENDPOINTS_MAX} endpoints");
        let operations = declared.len();
        let mut paths: Vec<Path> = Vec::new();
        let mut names = BTreeSet::new();
        for endpoint in declared {
            let at = format!("`{} {}`", endpoint.method, endpoint.path);
            ensure!(
                names.insert(endpoint.operation.clone()),
                "{at}: the operation `{}` stands twice",
                endpoint.operation
            );
            let Ok(method) = Method::from_bytes(endpoint.method.as_bytes()) else {
                bail!("{at}: `{}` is not a method", endpoint.method);
            };
            ensure!(
                !matches!(method, Method::HEAD | Method::OPTIONS | Method::CONNECT | Method::TRACE),
                "{at}: HEAD and OPTIONS follow from the others, and CONNECT and TRACE are not served"
            );
            let segments = match template(&endpoint.path) {
                Ok(segments) => segments,
                Err(problem) => bail!("{at}: {problem}"),
            };
            let produces = endpoint
                .answers
                .iter()
                .filter(|answer| (200..300).contains(&answer.status))
                .filter_map(|answer| {
                    answer.media_type.as_ref().map(|media_type| media_type.to_ascii_lowercase())
                })
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect();
            let enforced = Enforced {
                consumes: endpoint
                    .consumes
                    .iter()
                    .map(|media_type| media_type.to_ascii_lowercase())
                    .collect(),
                produces,
                body_required: endpoint.body_required,
                scopes: endpoint.scopes,
            };
            let path = match paths.iter_mut().find(|path| same(&path.segments, &segments)) {
                Some(path) => path,
                None => {
                    paths.push(Path { segments, endpoints: Vec::new(), allow: String::new() });
                    let Some(path) = paths.last_mut() else { bail!("{at}: no room") };
                    path
                }
            };
            ensure!(!path.endpoints.iter().any(|(other, _)| *other == method), "{at} stands twice");
            path.endpoints.push((method, enforced));
        }
        for path in &mut paths {
            path.allow = allow(&path.endpoints);
        }
        // A literal segment stands above a parameter at the same place, from left to right.
        paths.sort_by_key(|path| {
            path.segments.iter().map(|segment| matches!(segment, Segment::Parameter)).collect::<Vec<_>>()
        });
        Ok(Self { paths, operations })
    }

    pub(super) fn summary(&self) -> String {
        format!("{} operations on {} paths", self.operations, self.paths.len())
    }

    pub(super) fn route(&self, path: &str, method: &Method) -> Result<Route<'_>, Failure> {
        let found = self
            .paths
            .iter()
            .find(|candidate| matches(&candidate.segments, path))
            .ok_or(Failure::NotFound)?;
        if *method == Method::OPTIONS {
            return Ok(Route::Options(&found.allow));
        }
        let wanted = if *method == Method::HEAD { &Method::GET } else { method };
        match found.endpoints.iter().find(|(declared, _)| declared == wanted) {
            Some((_, endpoint)) => Ok(Route::Endpoint(endpoint)),
            None if KNOWN.contains(&method.as_str()) => {
                Err(Failure::MethodNotAllowed { allow: found.allow.clone() })
            }
            None => Err(Failure::MethodUnknown),
        }
    }
}

fn template(path: &str) -> Result<Vec<Segment>> {
    let Some(below) = path.strip_prefix('/') else { bail!("the path does not begin with `/`") };
    let segments = below
        .split('/')
        .map(|segment| match segment.strip_prefix('{').map(|rest| rest.strip_suffix('}')) {
            Some(Some(name)) if !name.is_empty() && !name.contains(['{', '}']) => Ok(Segment::Parameter),
            None if !segment.contains(['{', '}']) => Ok(Segment::Literal(segment.to_owned())),
            _ => bail!("`{segment}` is neither a literal segment nor one `{{name}}`"),
        })
        .collect::<Result<Vec<_>>>()?;
    ensure!(segments.len() <= SEGMENTS_MAX, "the path has more than {SEGMENTS_MAX} segments");
    Ok(segments)
}

fn same(left: &[Segment], right: &[Segment]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|pair| match pair {
            (Segment::Literal(left), Segment::Literal(right)) => left == right,
            (Segment::Parameter, Segment::Parameter) => true,
            _ => false,
        })
}

fn matches(segments: &[Segment], path: &str) -> bool {
    let Some(below) = path.strip_prefix('/') else { return false };
    let mut found = below.split('/');
    for segment in segments {
        match (segment, found.next()) {
            (Segment::Literal(literal), Some(found)) if literal == found => {}
            (Segment::Parameter, Some(found)) if !found.is_empty() => {}
            _ => return false,
        }
    }
    found.next().is_none()
}

fn allow(endpoints: &[(Method, Enforced)]) -> String {
    let mut methods: BTreeSet<&str> = endpoints.iter().map(|(method, _)| method.as_str()).collect();
    if methods.contains("GET") {
        methods.insert("HEAD");
    }
    methods.insert("OPTIONS");
    methods.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(method: &str, path: &str) -> Declared {
        Declared {
            method: method.to_owned(),
            path: path.to_owned(),
            operation: format!("{method} {path}"),
            summary: String::new(),
            consumes: Vec::new(),
            body_required: false,
            body_schema: None,
            scopes: Vec::new(),
            parameters: Vec::new(),
            answers: Vec::new(),
        }
    }

    fn check(method: &str, path: &str) -> String {
        let contract = Contract::new(vec![
            declared("GET", "/items"),
            declared("POST", "/items"),
            declared("GET", "/items/{id}"),
            declared("DELETE", "/items/{id}"),
            declared("GET", "/items/newest"),
            declared("PUT", "/items/newest"),
        ])
        .unwrap();
        match contract.route(path, &method.parse().unwrap()) {
            Ok(Route::Endpoint(_)) => "endpoint".to_owned(),
            Ok(Route::Options(allow)) => format!("options {allow}"),
            Err(failure) => format!("{failure:?}"),
        }
    }

    #[test]
    fn paths_and_methods_decide() {
        for (method, path, expected) in [
            ("GET", "/items", "endpoint"),
            ("HEAD", "/items", "endpoint"),
            ("GET", "/items/7", "endpoint"),
            ("PUT", "/items/newest", "endpoint"),
            ("DELETE", "/items/newest", "MethodNotAllowed { allow: \"GET, HEAD, OPTIONS, PUT\" }"),
            ("DELETE", "/items", "MethodNotAllowed { allow: \"GET, HEAD, OPTIONS, POST\" }"),
            ("TRACE", "/items", "MethodNotAllowed { allow: \"GET, HEAD, OPTIONS, POST\" }"),
            ("QUERY", "/items", "MethodNotAllowed { allow: \"GET, HEAD, OPTIONS, POST\" }"),
            ("FOO", "/items", "MethodUnknown"),
            ("get", "/items", "MethodUnknown"),
            ("OPTIONS", "/items/7", "options DELETE, GET, HEAD, OPTIONS"),
            ("GET", "/items/", "NotFound"),
            ("GET", "/items/7/", "NotFound"),
            ("GET", "//items", "NotFound"),
            ("GET", "/", "NotFound"),
            ("DELETE", "/nothing", "NotFound"),
            ("GET", "/Items", "NotFound"),
        ] {
            assert_eq!(check(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_declaration_that_cannot_be_served_is_refused_with_its_place() {
        for (endpoints, expected) in [
            (vec![], "it declares no endpoint"),
            (vec![declared("GET", "items")], "`GET items`: the path does not begin with `/`"),
            (vec![declared("GET", "/a/{b")], "`GET /a/{b`: `{b` is neither"),
            (vec![declared("HEAD", "/a")], "`HEAD /a`: HEAD and OPTIONS follow"),
            (vec![declared("G T", "/a")], "`G T /a`: `G T` is not a method"),
            (
                vec![declared("GET", "/a/{b}"), {
                    let mut twin = declared("GET", "/a/{c}");
                    twin.operation.push('2');
                    twin
                }],
                "`GET /a/{c}` stands twice",
            ),
            (
                vec![declared("GET", "/a"), {
                    let mut twin = declared("PUT", "/a");
                    twin.operation = "GET /a".to_owned();
                    twin
                }],
                "the operation `GET /a` stands twice",
            ),
        ] {
            let error = Contract::new(endpoints).err().unwrap().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
