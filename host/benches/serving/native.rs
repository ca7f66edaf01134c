//! The baselines: what hyper does by itself on one thread, with the answer ready, and with the two protocols of RPC and SOAP
//! decoded and encoded by the library that a server in Rust would take: serde_json and quick-xml. Where a plugin asks its store,
//! a map in memory is asked.
//!
//! They do the protocol's work in full, and nothing of a sandbox's or of a gateway's: a call is read by its method's name and
//! types, and answered. Whatever they do not understand ends them.

use std::collections::HashMap;
use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use quick_xml::Reader;
use quick_xml::events::Event;
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

pub(crate) fn serve() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("native hyper on http://{}", listener.local_addr().expect("its address"));
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("no delay");
            tokio::task::spawn_local(
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)),
            );
        }
    });
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if *request.method() != Method::POST {
        return Ok(response("text/plain; charset=utf-8", Bytes::from_static(b"Hello, world!\n")));
    }
    let is_xml = request.headers().get(CONTENT_TYPE).is_some_and(|value| value == "text/xml");
    let is_soap = request.uri().path() == "/soap";
    let body = request.into_body().collect().await.expect("a body").to_bytes();
    Ok(if is_soap {
        response("text/xml; charset=utf-8", soap(&body).into())
    } else if is_xml {
        response("text/xml; charset=utf-8", xml_rpc(&body).into())
    } else {
        response("application/json", json_rpc(&body).into())
    })
}

fn response(media_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

#[derive(Deserialize)]
struct Call<'a> {
    jsonrpc: &'a str,
    method: &'a str,
    params: (i64, i64),
    #[serde(borrow)]
    id: &'a RawValue,
}

#[derive(Serialize)]
struct Answer<'a> {
    jsonrpc: &'a str,
    result: i64,
    id: &'a RawValue,
}

fn json_rpc(body: &[u8]) -> Vec<u8> {
    let call: Call<'_> = serde_json::from_slice(body).expect("a call");
    assert!(call.jsonrpc == "2.0" && call.method == "subtract");
    let (minuend, subtrahend) = call.params;
    let answer = Answer { jsonrpc: "2.0", result: minuend - subtrahend, id: call.id };
    serde_json::to_vec(&answer).expect("an answer")
}

fn xml_rpc(body: &[u8]) -> Vec<u8> {
    let mut reader = Reader::from_str(std::str::from_utf8(body).expect("UTF-8"));
    let mut open = Vec::new();
    let mut method = String::new();
    let mut numbers = Vec::new();
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Start(tag) => open.push(tag.name().into_inner().to_owned()),
            Event::Text(text) => match open.last().map(String::as_str) {
                Some("methodName") => method.push_str(&text.xml10_content()),
                Some("int" | "i4") => {
                    numbers.push(text.xml10_content().trim().parse::<i32>().expect("an int"));
                }
                _ => {}
            },
            Event::End(_) => drop(open.pop()),
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(method, "subtract");
    let result = numbers[0] - numbers[1];
    format!(
        "<?xml version=\"1.0\"?><methodResponse><params><param><value><int>{result}</int></value></param></params></methodResponse>"
    )
    .into_bytes()
}

thread_local! {
    /// The balances of the bank, in hundredths.
    static ACCOUNTS: HashMap<String, i64> = (0..1_000).map(|number| (format!("{number:012}"), 10_000)).collect();
}

fn soap(body: &[u8]) -> Vec<u8> {
    const ENVELOPE: &[u8] = b"http://schemas.xmlsoap.org/soap/envelope/";
    const BANK: &[u8] = b"urn:guesthouse:bank";
    let mut reader = NsReader::from_str(std::str::from_utf8(body).expect("UTF-8"));
    let mut path = Vec::new();
    let mut account = String::new();
    loop {
        match reader.read_resolved_event().expect("well-formed") {
            (ResolveResult::Bound(namespace), Event::Start(tag)) => {
                let expected = if path.len() < 2 { ENVELOPE } else { BANK };
                assert_eq!(namespace.as_ref().as_bytes(), expected);
                path.push(tag.local_name().into_inner().to_owned());
            }
            (_, Event::Text(text)) if path.len() == 4 => account.push_str(&text.xml10_content()),
            (_, Event::End(_)) => drop(path.pop()),
            (_, Event::Eof) => break,
            (_, Event::Start(_)) => panic!("an element in no namespace"),
            _ => {}
        }
    }
    let balance = ACCOUNTS.with(|accounts| accounts.get(account.trim()).copied()).expect("the account");
    format!(
        "<env:Envelope xmlns:env=\"http://schemas.xmlsoap.org/soap/envelope/\"><env:Body><GetBalanceResponse \
         xmlns=\"urn:guesthouse:bank\"><balance>{}.{:02}</balance></GetBalanceResponse></env:Body></env:Envelope>",
        balance / 100,
        balance % 100
    )
    .into_bytes()
}
