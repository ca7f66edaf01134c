//! A typed SOAP service as an author writes it, called with messages as clients send them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unnecessary_wraps,
    reason = "a test that fails may panic; operations give results"
)]

use guesthouse_sdk::soap::{
    Bytes, Call, Date, DateTime, Decimal, Element, Fault, FaultCode, Handler, QualifiedName, Reply,
    SoapFault, Version, XmlValue, wsdl,
};

const NAMESPACE: &str = "urn:test:everything";

struct Everything;

/// One of each type.
#[derive(Clone, Debug, PartialEq, XmlValue)]
struct Sampler {
    /// Any text & all.
    text: String,
    flag: bool,
    small: i8,
    large: u64,
    #[xml(name = "Ratio")]
    ratio: f64,
    price: Decimal,
    day: Date,
    moment: Option<DateTime>,
    bytes: Bytes,
    colour: Colour,
    code: Code,
    shapes: Vec<Shape>,
    children: Vec<Sampler>,
}

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, XmlValue)]
enum Colour {
    Red,
    /// Not turquoise.
    #[xml(name = "sea-green")]
    SeaGreen,
}

#[derive(Clone, Debug, PartialEq, XmlValue)]
struct Code(String);

#[derive(Clone, Debug, PartialEq, XmlValue)]
enum Shape {
    Circle(Decimal),
    LongLine(Line),
}

#[derive(Clone, Debug, PartialEq, XmlValue)]
struct Line {
    from: i32,
    to: i32,
}

#[derive(Debug, SoapFault)]
enum Trouble {
    /// It is too much.
    #[fault(reason = "{amount} is too much, {limit} is allowed")]
    TooMuch { amount: Decimal, limit: Decimal },
    /// Come back later.
    #[fault(receiver, name = "Closed")]
    ShopClosed,
    #[fault(transparent)]
    Other(Fault),
}

/// Takes & gives everything.
#[guesthouse_sdk::soap(namespace = "urn:test:everything", service = "Everything")]
impl Everything {
    /// Gives back what it gets.
    #[operation(returns = "sampler")]
    fn echo_sampler(sampler: Sampler) -> Sampler {
        sampler
    }

    #[operation]
    fn add(a: i32, #[xml(name = "B")] b: Option<i32>) -> Result<Sum, Trouble> {
        match a.checked_add(b.unwrap_or(0)) {
            Some(total) => Ok(Sum { total, terms: vec![a] }),
            None => Err(Trouble::TooMuch { amount: Decimal::from(i64::from(a)), limit: Decimal::from(10) }),
        }
    }

    #[operation(name = "Ping")]
    fn nothing() {}

    #[operation]
    fn fail(how: String) -> Result<(), Trouble> {
        Err(Self::trouble(&how))
    }

    /// A helper: no operation.
    fn trouble(how: &str) -> Trouble {
        match how {
            "closed" => Trouble::ShopClosed,
            _ => Fault::receiver("else").into(),
        }
    }
}

/// A sum.
#[derive(XmlValue)]
struct Sum {
    total: i32,
    terms: Vec<i32>,
}

fn call(operation: &str, body: &str) -> Result<Reply, Fault> {
    Everything::handle(Call {
        version: Version::Soap11,
        action: None,
        operation: QualifiedName::new(NAMESPACE, operation),
        headers: Vec::new(),
        body: body.into(),
        attachments: Vec::new(),
    })
}

fn answer(operation: &str, body: &str) -> Element {
    Element::parse(&call(operation, body).unwrap().body.unwrap()).unwrap()
}

/// The reason of the sender fault that a message gets.
fn refusal(operation: &str, body: &str) -> String {
    let fault = call(operation, body).expect_err(body);
    assert_eq!(fault.code, FaultCode::Sender);
    fault.reasons.first().unwrap().1.clone()
}

const SAMPLER: &str = "<e:EchoSampler xmlns:e='urn:test:everything' xmlns:i='http://www.w3.org/2001/XMLSchema-instance'>
  <!-- a comment --><e:sampler>
    <e:children i:nil='false'><e:text/><e:flag>0</e:flag><e:small>-128</e:small><e:large> 18446744073709551615 </e:large>
      <e:Ratio>-INF</e:Ratio><e:price>.5</e:price><e:day>2026-11-22Z</e:day><e:moment i:nil='true'/><e:bytes/>
      <e:colour>Red</e:colour><e:code>x</e:code></e:children>
    <text xmlns='urn:test:everything' i:type='x:string' xmlns:x='http://www.w3.org/2001/XMLSchema'> a &lt;<![CDATA[&]]> </text>
    <e:flag>true</e:flag><e:small>+7</e:small><e:large>-0</e:large><e:Ratio>1e-3</e:Ratio><e:price>12.50</e:price>
    <e:day>2024-02-29</e:day><e:moment>2026-11-22T10:00:00Z</e:moment><e:bytes>aGk=</e:bytes>
    <e:colour>sea-green</e:colour><e:code>c</e:code>
    <e:shapes><e:circle>1.5</e:circle></e:shapes>
    <e:shapes><e:longLine><e:from>1</e:from><e:to>2</e:to></e:longLine></e:shapes>
  </e:sampler></e:EchoSampler>";

#[test]
fn every_type_is_read_in_whatever_order_and_dress_and_written_back() {
    let response = answer("EchoSampler", SAMPLER);
    assert!(response.is(NAMESPACE, "EchoSamplerResponse"));
    let sampler = Sampler::read(response.child("sampler").unwrap()).unwrap();
    assert_eq!(sampler.text, " a <& ");
    assert_eq!(sampler.small, 7);
    assert_eq!(sampler.price.to_string(), "12.50");
    assert_eq!(sampler.colour, Colour::SeaGreen);
    assert_eq!(sampler.bytes.0, b"hi");
    assert_eq!(sampler.shapes.last(), Some(&Shape::LongLine(Line { from: 1, to: 2 })));
    let [child] = sampler.children.as_slice() else { panic!("{sampler:?}") };
    assert_eq!((child.large, child.ratio, &child.moment), (u64::MAX, f64::NEG_INFINITY, &None));
    let names: Vec<&str> =
        response.child("sampler").unwrap().children.iter().map(|child| child.name.as_str()).collect();
    let order = "text flag small large Ratio price day moment bytes colour code shapes shapes children";
    assert_eq!(names.join(" "), order);
}

#[test]
fn a_result_without_a_name_puts_its_fields_into_the_response() {
    let body = call("Add", "<Add xmlns='urn:test:everything'><a>2</a><B>3</B></Add>").unwrap().body.unwrap();
    let expected =
        "<AddResponse xmlns=\"urn:test:everything\"><total>5</total><terms>2</terms></AddResponse>";
    assert_eq!(body, expected);
    let body = call("Ping", "<Ping xmlns='urn:test:everything'/>").unwrap().body.unwrap();
    assert_eq!(body, "<PingResponse xmlns=\"urn:test:everything\"></PingResponse>");
}

#[test]
fn a_message_of_the_wrong_form_is_refused_with_path_expectation_and_finding() {
    let add = |content: &str| refusal("Add", &format!("<Add xmlns='urn:test:everything'>{content}</Add>"));
    for (content, reason) in [
        ("", "Add/a: expected one element, found none"),
        ("<a>1</a><a>2</a>", "Add/a: expected one element, found 2"),
        ("<a>1</a><B>1</B><B>2</B>", "Add/B: expected at most one element, found 2"),
        ("<a>1</a><c>1</c>", "Add: expected only `a`, `B`, found `c`"),
        ("<a>x&lt;y</a>", "Add/a: expected xs:int (-2147483648 to 2147483647), found `x<y`"),
        ("<a>2147483648</a>", "Add/a: expected xs:int (-2147483648 to 2147483647), found `2147483648`"),
        ("<a> </a>", "Add/a: expected xs:int (-2147483648 to 2147483647), found nothing"),
        ("<a>1<b/></a>", "Add/a: expected xs:int, found the element `b`"),
        ("text<a>1</a>", "Add: expected elements only, found text"),
        (
            "<a xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:nil='1'/>",
            "Add/a: expected xs:int, found xsi:nil",
        ),
        ("<a xmlns=''>1</a>", "Add/a: expected namespace `urn:test:everything`, found no namespace"),
        (
            "<a>1</a><B xmlns='urn:o'>1</B>",
            "Add/B: expected namespace `urn:test:everything`, found namespace `urn:o`",
        ),
    ] {
        assert_eq!(add(content), reason, "{content}");
    }
    let bad = [
        (
            ">2024-02-29<",
            ">2023-02-29<",
            "EchoSampler/sampler/day: expected xs:date (such as 2026-11-22), found `2023-02-29`",
        ),
        (">1e-3<", ">inf<", "EchoSampler/sampler/Ratio: expected xs:double, found `inf`"),
        (">12.50<", ">12,50<", "EchoSampler/sampler/price: expected xs:decimal, found `12,50`"),
        (">sea-green<", ">Sea<", "EchoSampler/sampler/colour: expected Colour (Red, sea-green), found `Sea`"),
        (
            ">0</e:flag",
            ">2</e:flag",
            "EchoSampler/sampler/children[1]/flag: expected xs:boolean (true, false, 1 or 0), found `2`",
        ),
        (
            "<e:to>2",
            "<e:to>b",
            "EchoSampler/sampler/shapes[2]/longLine/to: expected xs:int (-2147483648 to 2147483647), found `b`",
        ),
        (
            "e:circle",
            "e:square",
            "EchoSampler/sampler/shapes[1]: expected exactly one of `circle`, `longLine`, found `square`",
        ),
    ];
    for (good, bad, reason) in bad {
        assert_eq!(refusal("EchoSampler", &SAMPLER.replace(good, bad)), reason);
    }
    let fault = call("Ping", "<Ping xmlns='urn:test:everything'><x/></Ping>").unwrap_err();
    let detail = Element::parse(&fault.detail.clone().unwrap()).unwrap();
    assert_eq!(detail.child("expected").unwrap().text, "no elements");
}

#[test]
fn declared_faults_have_their_code_subcode_reason_and_detail() {
    let fault = call("Add", "<Add xmlns='urn:test:everything'><a>2147483647</a><B>1</B></Add>").unwrap_err();
    assert_eq!(fault.code, FaultCode::Sender);
    assert_eq!(fault.subcodes, [QualifiedName::new(NAMESPACE, "TooMuch")]);
    assert_eq!(fault.reasons, [("en".into(), "2147483647 is too much, 10 is allowed".into())]);
    let detail =
        "<TooMuch xmlns=\"urn:test:everything\"><amount>2147483647</amount><limit>10</limit></TooMuch>";
    assert_eq!(fault.detail.as_deref(), Some(detail));
    let fail = |how: &str| {
        call("Fail", &format!("<Fail xmlns='urn:test:everything'><how>{how}</how></Fail>")).unwrap_err()
    };
    assert_eq!(fail("closed").code, FaultCode::Receiver);
    assert_eq!(fail("closed").reasons, [("en".into(), "Come back later.".into())]);
    assert_eq!(fail("").reasons, [("en".into(), "else".into())]);
}

#[test]
fn an_unknown_operation_is_told_what_there_is() {
    let fault = call("Nope", "<Nope xmlns='urn:test:everything'/>").unwrap_err();
    assert_eq!(fault.subcodes.first().unwrap().name, "ProcedureNotPresent");
    assert!(fault.reasons.first().unwrap().1.ends_with("has EchoSampler, Add, Ping, Fail"));
    let described: Vec<String> =
        Everything::describe().operations.into_iter().map(|name| name.name).collect();
    assert_eq!(described, ["EchoSampler", "Add", "Ping", "Fail"]);
}

#[test]
fn the_wsdl_is_well_formed_and_declares_every_operation_type_fault_and_port() {
    let text = wsdl::<Everything>("http://localhost:8080/everything?a&b");
    let document = Element::parse(&text).unwrap();
    let named = |name: &str| -> Vec<&str> {
        let found = document.children.iter().filter(|child| child.name == name);
        found.filter_map(|child| child.attribute("", "name")).collect()
    };
    assert_eq!(named("binding"), ["EverythingSoap11", "EverythingSoap12"]);
    let messages = named("message");
    assert!(messages.contains(&"AddRequest") && messages.contains(&"ClosedFault"), "{messages:?}");
    let service = document.child("service").unwrap();
    let address = service.child("port").unwrap().child("address").unwrap();
    assert_eq!(address.attribute("", "location"), Some("http://localhost:8080/everything?a&b"));
    let schema = document.child("types").unwrap().child("schema").unwrap();
    let top: Vec<&str> = schema.children.iter().filter_map(|child| child.attribute("", "name")).collect();
    let expected = "EchoSampler EchoSamplerResponse Add AddResponse TooMuch Closed Ping PingResponse Fail FailResponse \
                    Sampler Colour Shape Line";
    assert_eq!(top.join(" "), expected);
    assert!(text.contains("<xs:documentation>Any text &amp; all.</xs:documentation>"));
    assert!(text.contains(r#"<xs:element name="moment" type="xs:dateTime" minOccurs="0" nillable="true"/>"#));
    assert!(text.contains(r#"<xs:enumeration value="sea-green">"#));
}
