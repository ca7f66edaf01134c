//! The style with real guests: small modules in text form, whose answers lie in their memory as the canonical ABI has them.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderValue, Method};
use http_body_util::BodyExt as _;
use redb::backends::InMemoryBackend;
use wasmtime::component::{Component, Linker};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::Soap;
use crate::capability::store::Store;
use crate::capability::{CallContext, Environment, Grants, RequestId};
use crate::exchange::{Body, LocalFuture, ReadBody, Response};
use crate::failure::Failure;
use crate::limits::{HostLimits, PluginLimits};
use crate::plugin::manifest::{AuthPolicy, SchemeName};
use crate::plugin::{Catalog, Endpoint, Exchange, Manifest, Plugin, Source, Style as _};
use crate::sandbox::{Guest, Program, Sandbox};

const TYPES: &str = concat!(
    "package guesthouse:plugin@1.0.0;\n",
    include_str!("../../../../wit/soap.wit"),
    "world soap-plugin { export soap; }"
);

const WSDL: &str = "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/'/>";

/// Where a plugin's answers lie.
const DESCRIPTION: usize = 16;
const VERSIONS: usize = 64;
const CONTRACT: usize = 128;
const ANSWER: usize = 256;
const TEXT: usize = 1_024;

/// What a plugin of these tests does.
struct Behaviour<'a> {
    /// 0 is version 1.1, 1 is version 1.2.
    versions: &'a [u8],
    wsdl: &'a str,
    /// The reply's body; none is one-way.
    body: Option<&'a str>,
    traps: bool,
}

const GOOD: Behaviour<'_> =
    Behaviour { versions: &[0, 1], wsdl: WSDL, body: Some("<r xmlns='u'/>"), traps: false };

/// Bytes as a string of the text form.
fn data(at: usize, bytes: &[u8]) -> String {
    let escaped: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!("(data (i32.const {at}) \"{escaped}\")\n")
}

fn words(numbers: &[usize]) -> Vec<u8> {
    numbers.iter().flat_map(|&number| u32::try_from(number).unwrap().to_le_bytes()).collect()
}

fn component(guest: &Behaviour<'_>) -> Vec<u8> {
    let body_at = TEXT + guest.wsdl.len();
    let reply = match guest.body {
        // The result's case and padding, no header blocks, the option's case and padding, the text, no attachments.
        Some(body) => words(&[0, 0, 0, 1, body_at, body.len(), 0, 0]),
        None => words(&[0; 8]),
    };
    let memory = [
        data(DESCRIPTION, &words(&[VERSIONS, guest.versions.len(), 0, 0, 0, 0, 0, 0])),
        data(VERSIONS, guest.versions),
        data(CONTRACT, &words(&[TEXT, guest.wsdl.len()])),
        data(ANSWER, &reply),
        data(TEXT, guest.wsdl.as_bytes()),
        data(body_at, guest.body.unwrap_or_default().as_bytes()),
    ]
    .concat();
    let handle = if guest.traps { "unreachable".to_owned() } else { format!("i32.const {ANSWER}") };
    let interface = super::INTERFACE;
    let text = format!(
        "(module
           (memory (export \"memory\") 2)
           (global $free (mut i32) (i32.const 8192))
           (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32)
             (global.set $free (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
             (global.get $free)
             (global.set $free (i32.add (global.get $free) (local.get 3))))
           (func (export \"{interface}#describe\") (result i32) i32.const {DESCRIPTION})
           (func (export \"{interface}#wsdl\") (param i32 i32) (result i32) i32.const {CONTRACT})
           (func (export \"{interface}#handle\")
             (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) {handle})
           {memory})"
    );
    let mut module = wat::parse_str(text).unwrap();
    let mut resolve = Resolve::default();
    let package = resolve.push_str("soap.wit", TYPES).unwrap();
    let world = resolve.select_world(&[package], Some("soap-plugin")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

fn context() -> CallContext {
    CallContext { identity: None, request_id: RequestId(5), mount: "/guest".into(), started: Instant::now() }
}

async fn bind(guest: &Behaviour<'_>) -> anyhow::Result<Arc<dyn Endpoint>> {
    let host = HostLimits { requests_in_flight_max: 8, ..HostLimits::DEFAULT };
    let sandbox = Sandbox::new(&host, 1).unwrap();
    let component = Component::new(sandbox.engine(), component(guest)).unwrap();
    let environment = Environment { store: Store::on(|| Ok(InMemoryBackend::new()), &host).unwrap() };
    let limits = Arc::new(PluginLimits::DEFAULT);
    let capabilities =
        Arc::new(environment.for_plugin("guest".into(), &Grants::default(), &limits, Arc::default()));
    let linker: Linker<Guest> = Linker::new(sandbox.engine());
    let program = Program::new(&sandbox, &component, &linker, limits, capabilities).unwrap();
    let source = Source { manifest: Manifest::default(), policy: AuthPolicy::everybody(), text: None };
    Soap.bind(Arc::new(program), context(), &source).await
}

struct Whole(Bytes);

impl ReadBody for Whole {
    fn read(&mut self, _bytes_max: u64) -> LocalFuture<'_, Result<Bytes, Failure>> {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }

    fn poll_frame(
        &mut self,
        _context: &mut std::task::Context<'_>,
        _bytes_max: u64,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Failure>>> {
        let whole = std::mem::take(&mut self.0);
        std::task::Poll::Ready((!whole.is_empty()).then(|| Ok(http_body::Frame::data(whole))))
    }

    fn is_absent(&self) -> bool {
        self.0.is_empty()
    }
}

async fn ask(
    endpoint: &Arc<dyn Endpoint>,
    method: Method,
    uri: &str,
    path: &str,
    body: &str,
) -> Result<Response, Failure> {
    let mut request = http::Request::builder().method(method).uri(uri).header("host", "h:1");
    request = request.header("content-type", HeaderValue::from_static("application/soap+xml"));
    let plugin = Plugin {
        name: "guest".into(),
        mount: "/guest".into(),
        digest: String::new(),
        manifest: Manifest::default(),
        endpoints: vec![Arc::clone(endpoint)],
        omitted: Vec::new(),
    };
    let exchange = Exchange {
        policy: Arc::new(AuthPolicy { require: vec![SchemeName::Anonymous], scopes: Vec::new() }),
        head: Arc::new(request.body(()).unwrap().into_parts().0),
        path: path.to_owned(),
        body: Body::new(Box::new(Whole(Bytes::from(body.to_owned())))),
        plugin: Arc::new(plugin),
        context: context(),
        secure: false,
        upgrade: None,
        catalog: Arc::new(Catalog::new()),
        lifetime: Rc::default(),
    };
    endpoint.serve(exchange).await
}

const CALL: &str = "<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'><e:Header>\
    <a:A xmlns:a='urn:a'>1</a:A></e:Header><e:Body><b:B xmlns:b='urn:b'/></e:Body></e:Envelope>";

async fn text(response: Response) -> (u16, BTreeMap<String, String>, String) {
    let (head, body) = response.into_parts();
    let fields = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), fields, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_guest_is_described_called_and_answered() {
    let endpoint = bind(&GOOD).await.unwrap();
    assert_eq!(endpoint.summary(), "any operation, SOAP 1.1 and 1.2, ?wsdl");
    let (status, fields, body) = text(ask(&endpoint, Method::POST, "/guest", "/", CALL).await.unwrap()).await;
    assert_eq!((status, fields["content-type"].as_str()), (200, "application/soap+xml; charset=utf-8"));
    assert_eq!(
        body,
        "<env:Envelope xmlns:env=\"http://www.w3.org/2003/05/soap-envelope\"><env:Body><r xmlns='u'/>\
         </env:Body></env:Envelope>"
    );
}

#[tokio::test]
async fn methods_other_than_post_have_their_answers() {
    let endpoint = bind(&GOOD).await.unwrap();
    for method in [Method::GET, Method::HEAD] {
        let (status, fields, body) =
            text(ask(&endpoint, method, "/guest?WSDL", "/", "").await.unwrap()).await;
        assert_eq!((status, fields["content-type"].as_str()), (200, "text/xml; charset=utf-8"));
        assert_eq!(body, WSDL);
    }
    let allow = |allow: &str| Failure::MethodNotAllowed { allow: allow.to_owned() };
    for method in [Method::GET, Method::HEAD, Method::PUT] {
        let refused = ask(&endpoint, method, "/guest", "/", "").await.unwrap_err();
        assert_eq!(refused, allow("OPTIONS, POST"));
    }
    let refused = ask(&endpoint, Method::DELETE, "/guest?wsdl", "/", "").await.unwrap_err();
    assert_eq!(refused, allow("GET, HEAD, OPTIONS, POST"));
    let (status, fields, _) = text(ask(&endpoint, Method::OPTIONS, "/guest", "/", "").await.unwrap()).await;
    assert_eq!((status, fields["allow"].as_str()), (204, "OPTIONS, POST"));
    let below = ask(&endpoint, Method::POST, "/guest/x", "/x", CALL).await.unwrap_err();
    assert_eq!(below, Failure::NotFound);
}

#[tokio::test]
async fn a_guest_that_fails_is_a_failure_of_its_kind() {
    let trapping = bind(&Behaviour { traps: true, ..GOOD }).await.unwrap();
    let failure = ask(&trapping, Method::POST, "/guest", "/", CALL).await.unwrap_err();
    assert_eq!(failure, Failure::PluginTrapped);
    let babbling = bind(&Behaviour { body: Some("</env:Body>"), ..GOOD }).await.unwrap();
    let failure = ask(&babbling, Method::POST, "/guest", "/", CALL).await.unwrap_err();
    assert_eq!(failure, Failure::PluginAnswerInvalid);
}

#[tokio::test]
async fn a_guest_without_a_body_to_answer_is_one_way() {
    let endpoint = bind(&Behaviour { body: None, ..GOOD }).await.unwrap();
    let (status, _, body) = text(ask(&endpoint, Method::POST, "/guest", "/", CALL).await.unwrap()).await;
    assert_eq!((status, body.as_str()), (202, ""));
}

#[tokio::test]
async fn a_guest_without_a_contract_has_none_to_show() {
    let endpoint = bind(&Behaviour { wsdl: "", ..GOOD }).await.unwrap();
    let failure = ask(&endpoint, Method::GET, "/guest?wsdl", "/", "").await.unwrap_err();
    assert_eq!(failure, Failure::NotFound);
}

#[tokio::test]
async fn a_guest_that_cannot_be_served_is_refused_with_what_is_wrong() {
    for (guest, words) in [
        (Behaviour { versions: &[], ..GOOD }, "`describe` of `guesthouse:plugin/soap@1.0.0`"),
        (Behaviour { wsdl: "<a>\n<b>", ..GOOD }, "line 2"),
    ] {
        let Err(error) = bind(&guest).await else { panic!("bound: {words}") };
        let error = format!("{error:#}");
        assert!(error.contains(words), "{error}");
    }
}
