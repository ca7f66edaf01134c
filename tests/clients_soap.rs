//! SOAP: the bank with zeep, from nothing but its WSDL, and the protocol's own faults by hand.

use crate::support::{Answer, Host, Shared, python};

static HOST: Shared = Shared::new(|| Host::with(&["bank", "spec-soap"]));

const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";
const SPEC: &str = "urn:guesthouse:spec";

/// A version of SOAP: its namespace and the media type of its messages (SOAP 1.1, section 6; SOAP 1.2 Part 2, section 7.1.4).
const VERSIONS: [(&str, &str); 2] = [(SOAP_11, "text/xml"), (SOAP_12, "application/soap+xml")];

/// An envelope in this namespace, bound to the prefix `e`.
fn envelope(namespace: &str, header: &str, body: &str) -> String {
    let header = if header.is_empty() { String::new() } else { format!("<e:Header>{header}</e:Header>") };
    format!("<e:Envelope xmlns:e=\"{namespace}\">{header}<e:Body>{body}</e:Body></e:Envelope>")
}

#[track_caller]
fn send(host: &Host, content_type: &str, envelope: &str) -> Answer {
    let answer = host.post("/spec-soap", &format!("{content_type}; charset=utf-8"), envelope);
    let expected = format!("{content_type}; charset=utf-8");
    assert_eq!(answer.header("content-type"), Some(expected.as_str()), "{envelope}: {answer:?}");
    answer
}

/// Whether the answer is a fault of this code, with this status, in this version.
#[track_caller]
fn assert_fault(answer: &Answer, namespace: &str, status: u16, code: &str) {
    let text = answer.text();
    assert_eq!(answer.status, status, "{answer:?}\n{text}");
    let expected = if namespace == SOAP_11 {
        format!("<faultcode>env:{code}</faultcode>")
    } else {
        format!("<env:Code><env:Value>env:{code}</env:Value>")
    };
    assert!(
        text.contains(&format!("xmlns:env=\"{namespace}\"")) && text.contains(&expected),
        "{expected}: {text}"
    );
}

#[test]
fn a_body_and_a_header_block_that_is_understood_come_back() {
    let host = HOST.get();
    for (namespace, content_type) in VERSIONS {
        let body = format!(
            "<x:Echo xmlns:x=\"{SPEC}\" a=\"1 &lt; 2\"><x:b>ü &amp; 😀</x:b> <c xmlns=\"\"/></x:Echo>"
        );
        let header = format!("<Trace xmlns=\"{SPEC}\" e:mustUnderstand=\"1\">7</Trace>");
        let answer = send(&host, content_type, &envelope(namespace, &header, &body));
        let text = answer.text();
        assert_eq!(answer.status, 200, "{text}");
        for expected in ["EchoResponse", "a=\"1 &lt; 2\"", "ü &amp; 😀", "Trace", ">7<"] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert!(!text.contains("mustUnderstand"), "{text}");
        let empty = send(&host, content_type, &envelope(namespace, "", ""));
        assert_eq!(empty.status, 200, "an empty body is a message: {}", empty.text());
    }
}

#[test]
fn every_kind_of_fault_has_its_code_and_its_status() {
    let host = HOST.get();
    let parts = "<subcode>Busy</subcode><subcode>Very</subcode><reason xml:lang=\"en\">Later &amp; now</reason>\
        <reason xml:lang=\"de\">Später</reason><node>urn:node</node><role>urn:role</role><detail><wait>5</wait></detail>";
    for (code, soap_11, status_12) in [
        ("Sender", "Client", 400),
        ("Receiver", "Server", 500),
        ("VersionMismatch", "VersionMismatch", 500),
        ("MustUnderstand", "MustUnderstand", 500),
        ("DataEncodingUnknown", "Server", 500),
    ] {
        let body = format!("<Fault xmlns=\"{SPEC}\"><code>{code}</code>{parts}</Fault>");
        let answer = send(&host, "text/xml", &envelope(SOAP_11, "", &body));
        // Always 500, and the fault's children stand in no namespace (SOAP 1.1, sections 4.4 and 6.2).
        assert_fault(&answer, SOAP_11, 500, soap_11);
        for expected in ["<faultstring>Later &amp; now</faultstring>", "<faultactor>urn:", "<detail><wait"] {
            assert!(answer.text().contains(expected), "{expected}: {}", answer.text());
        }
        let answer = send(&host, "application/soap+xml", &envelope(SOAP_12, "", &body));
        assert_fault(&answer, SOAP_12, status_12, code);
        for expected in [
            ":Busy</env:Value>",
            ":Very</env:Value>",
            "<env:Text xml:lang=\"en\">Later &amp; now</env:Text>",
            "<env:Text xml:lang=\"de\">Später</env:Text>",
            "<env:Node>urn:node</env:Node>",
            "<env:Role>urn:role</env:Role>",
            "<env:Detail><wait",
        ] {
            assert!(answer.text().contains(expected), "{expected}: {}", answer.text());
        }
    }
}

#[test]
fn an_operation_that_is_not_there_is_the_senders_fault() {
    let host = HOST.get();
    let body = format!("<Nothing xmlns=\"{SPEC}\"/>");
    assert_fault(&send(&host, "text/xml", &envelope(SOAP_11, "", &body)), SOAP_11, 500, "Client");
    let answer = send(&host, "application/soap+xml", &envelope(SOAP_12, "", &body));
    assert_fault(&answer, SOAP_12, 400, "Sender");
    assert!(answer.text().contains("ProcedureNotPresent"), "{}", answer.text());
}

#[test]
fn a_mandatory_header_block_that_nobody_understands_is_a_fault_before_anything_is_done() {
    let host = HOST.get();
    let echo = format!("<Echo xmlns=\"{SPEC}\"/>");
    let unknown = |attributes: &str| format!("<t:Unknown xmlns:t=\"urn:t\" {attributes}/>");
    let next_11 = "http://schemas.xmlsoap.org/soap/actor/next";
    for attributes in [
        "e:mustUnderstand=\"1\"".to_owned(),
        format!("e:mustUnderstand=\"1\" e:actor=\"{next_11}\""),
        "e:mustUnderstand=\"1\" e:actor=\"urn:guesthouse:spec:role\"".to_owned(),
    ] {
        let answer = send(&host, "text/xml", &envelope(SOAP_11, &unknown(&attributes), &echo));
        assert_fault(&answer, SOAP_11, 500, "MustUnderstand");
        assert!(!answer.text().contains("<detail"), "a header's fault has no detail: {}", answer.text());
    }
    for attributes in [
        "e:mustUnderstand=\"true\"".to_owned(),
        "e:mustUnderstand=\"1\"".to_owned(),
        format!("e:mustUnderstand=\"true\" e:role=\"{SOAP_12}/role/next\""),
        format!("e:mustUnderstand=\"true\" e:role=\"{SOAP_12}/role/ultimateReceiver\""),
    ] {
        let answer = send(&host, "application/soap+xml", &envelope(SOAP_12, &unknown(&attributes), &echo));
        assert_fault(&answer, SOAP_12, 500, "MustUnderstand");
        // SOAP 1.2 Part 1, section 5.4.8.
        assert!(
            answer.text().contains(":NotUnderstood") && answer.text().contains(":Unknown\""),
            "{}",
            answer.text()
        );
    }
    // Not mandatory, or meant for somebody else.
    for attributes in [
        String::new(),
        "e:mustUnderstand=\"0\"".to_owned(),
        "e:mustUnderstand=\"1\" e:actor=\"urn:other\"".to_owned(),
    ] {
        let answer = send(&host, "text/xml", &envelope(SOAP_11, &unknown(&attributes), &echo));
        assert_eq!(answer.status, 200, "{attributes}: {}", answer.text());
    }
    for attributes in [
        "e:mustUnderstand=\"false\"".to_owned(),
        "e:mustUnderstand=\"true\" e:role=\"urn:other\"".to_owned(),
        format!("e:mustUnderstand=\"true\" e:role=\"{SOAP_12}/role/none\""),
    ] {
        let answer = send(&host, "application/soap+xml", &envelope(SOAP_12, &unknown(&attributes), &echo));
        assert_eq!(answer.status, 200, "{attributes}: {}", answer.text());
    }
    let wrong = send(
        &host,
        "application/soap+xml",
        &envelope(SOAP_12, &unknown("e:mustUnderstand=\"maybe\""), &echo),
    );
    assert_fault(&wrong, SOAP_12, 400, "Sender");
}

#[test]
fn an_envelope_of_another_version_is_told_which_ones_are_taken() {
    let host = HOST.get();
    for (_, content_type) in VERSIONS {
        let answer = host.post("/spec-soap", content_type, envelope("urn:soap:next", "", ""));
        assert_eq!(answer.status, 500, "{answer:?}");
        let text = answer.text();
        // SOAP 1.2 Part 1, section 5.4.7 and appendix A.
        for expected in [":VersionMismatch", ":Upgrade", "SupportedEnvelope", SOAP_11, SOAP_12] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }
}

#[test]
fn what_is_no_message_is_the_senders_fault() {
    let host = HOST.get();
    let deep = |namespace: &str| {
        envelope(namespace, "", &format!("{}{}", "<a>".repeat(20_000), "</a>".repeat(20_000)))
    };
    for (namespace, content_type) in VERSIONS {
        let (status, code) = if namespace == SOAP_11 { (500, "Client") } else { (400, "Sender") };
        let entities = format!("<!DOCTYPE x [<!ENTITY a \"aaaa\">]>{}", envelope(namespace, "", "&a;"));
        let external = format!("<!DOCTYPE x SYSTEM \"file:///etc/passwd\">{}", envelope(namespace, "", ""));
        let broken = format!("<e:Envelope xmlns:e=\"{namespace}\"><e:Body>");
        let no_body = format!("<e:Envelope xmlns:e=\"{namespace}\"/>");
        let unbound = envelope(namespace, "", "<nobody:knows/>");
        for text in ["", "text", &broken, &entities, &external, &no_body, &unbound, &deep(namespace)] {
            let answer = host.post("/spec-soap", content_type, text);
            let start: String = text.chars().take(100).collect();
            println!("{start}");
            assert_fault(&answer, namespace, status, code);
        }
    }
    let encoded =
        format!("<e:Envelope xmlns:e=\"{SOAP_12}\" e:encodingStyle=\"urn:x\"><e:Body/></e:Envelope>");
    assert_fault(&send(&host, "application/soap+xml", &encoded), SOAP_12, 400, "Sender");
    let processing = format!("<?xml-stylesheet href=\"x\"?>{}", envelope(SOAP_12, "", ""));
    assert_fault(&send(&host, "application/soap+xml", &processing), SOAP_12, 400, "Sender");
}

#[test]
fn the_binding_refuses_other_methods_and_types_without_a_fault() {
    let host = HOST.get();
    for method in ["PUT", "DELETE", "GET"] {
        let answer = host.request(method, "/spec-soap", &[("Content-Type", "text/xml")], b"");
        assert_eq!(answer.status, 405, "{answer:?}");
        assert!(answer.header("allow").is_some_and(|allow| allow.contains("POST")), "{answer:?}");
    }
    for content_type in ["application/json", "text/plain", "application/xml"] {
        let answer = host.post("/spec-soap", content_type, envelope(SOAP_11, "", ""));
        assert_eq!(answer.status, 415, "{answer:?}");
        assert!(!answer.text().contains("Fault"), "{}", answer.text());
    }
    assert_eq!(host.post("/spec-soap", "text/xml", vec![b' '; 1024 * 1024 + 1]).status, 413);
}

#[test]
fn an_action_is_a_hint_however_it_is_written() {
    let host = HOST.get();
    let message = envelope(SOAP_11, "", &format!("<Echo xmlns=\"{SPEC}\"/>"));
    for action in ["\"urn:guesthouse:spec/Echo\"", "urn:guesthouse:spec/Echo", "\"\"", "\"urn:other\""] {
        let headers = [("Content-Type", "text/xml"), ("SOAPAction", action)];
        let answer = host.request("POST", "/spec-soap", &headers, message.as_bytes());
        assert_eq!(answer.status, 200, "{action}: {}", answer.text());
    }
    let message = envelope(SOAP_12, "", &format!("<Echo xmlns=\"{SPEC}\"/>"));
    let content_type = "application/soap+xml; charset=utf-8; action=\"urn:guesthouse:spec/Echo\"";
    assert_eq!(host.post("/spec-soap", content_type, message).status, 200);
}

#[test]
fn the_wsdl_names_the_address_that_it_was_asked_at() {
    let host = HOST.get();
    for mount in ["bank", "spec-soap"] {
        let answer = host.get(&format!("/{mount}?wsdl"));
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("text/xml; charset=utf-8")),
            "{answer:?}"
        );
        let address = format!("location=\"{}/{mount}\"", host.url());
        assert_eq!(
            answer.text().matches(&address).count(),
            2,
            "one port for each version: {}",
            answer.text()
        );
        assert_eq!(host.get(&format!("/{mount}?WSDL")).body, answer.body);
    }
}

/// An MTOM message of version 1.2 whose part `a@x` is included in its body.
fn mtom(href: &str) -> String {
    let include = format!("<i:Include xmlns:i=\"http://www.w3.org/2004/08/xop/include\" href=\"{href}\"/>");
    let body = format!("<Echo xmlns=\"{SPEC}\"><content>{include}</content></Echo>");
    format!(
        "--b\r\nContent-Type: application/xop+xml; type=\"application/soap+xml\"\r\nContent-ID: <root@x>\r\n\r\n{}\r\n\
         --b\r\nContent-Type: text/plain\r\nContent-ID: <a@x>\r\n\r\nhello\r\n--b--\r\n",
        envelope(SOAP_12, "", &body)
    )
}

#[test]
fn what_an_mtom_message_includes_is_seen_as_base64_and_a_missing_part_refused() {
    let host = HOST.get();
    let content_type = "multipart/related; type=\"application/xop+xml\"; boundary=b; start=\"<root@x>\"; \
        start-info=\"application/soap+xml\"";
    let answer = host.post("/spec-soap", content_type, mtom("cid:a@x"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains(">aGVsbG8=<"), "{}", answer.text());
    let answer = host.post("/spec-soap", content_type, mtom("cid:b@x"));
    assert_fault(&answer, SOAP_12, 400, "Sender");
    for body in ["", "--b", "--b--", "--b\r\n\r\n<a/>\r\n--b--", &"--b\r\n\r\n\r\n".repeat(10_000)] {
        let answer = host.post("/spec-soap", content_type, body);
        assert!(matches!(answer.status, 400 | 500), "{answer:?}");
        assert!(answer.text().contains("Fault>"), "{}", answer.text());
    }
    assert_eq!(host.post("/spec-soap", "multipart/related; type=\"text/xml\"", "").status, 400);
    assert_eq!(host.post("/spec-soap", "multipart/related; boundary=b", "").status, 415);
}

#[test]
fn what_an_answer_includes_is_base64_for_who_has_not_sent_mtom() {
    let host = HOST.get();
    for (namespace, content_type) in VERSIONS {
        let body = format!("<Attach xmlns=\"{SPEC}\">hello</Attach>");
        let answer = send(&host, content_type, &envelope(namespace, "", &body));
        assert!(answer.text().contains(">aGVsbG8=<"), "{}", answer.text());
    }
}

#[test]
fn a_one_way_operation_is_accepted_with_nothing_said() {
    let host = HOST.get();
    for (namespace, content_type) in VERSIONS {
        let answer = host.post(
            "/spec-soap",
            content_type,
            envelope(namespace, "", &format!("<Notify xmlns=\"{SPEC}\"/>")),
        );
        assert_eq!((answer.status, answer.body.len()), (202, 0), "{answer:?}");
    }
}

#[test]
fn an_addressed_message_is_answered_on_its_connection_or_not_at_all() {
    const WSA: &str = "http://www.w3.org/2005/08/addressing";
    let host = HOST.get();
    let call = |header: &str| {
        let echo = format!("<Echo xmlns=\"{SPEC}\"/>");
        let action =
            format!("<a:Action xmlns:a=\"{WSA}\" e:mustUnderstand=\"1\">urn:guesthouse:spec/Echo</a:Action>");
        host.post("/spec-soap", "application/soap+xml", envelope(SOAP_12, &(action + header), &echo))
    };
    let id = format!("<w:MessageID xmlns:w=\"{WSA}\">urn:uuid:7</w:MessageID>");
    let to = |address: &str| {
        format!("{id}<w:ReplyTo xmlns:w=\"{WSA}\"><w:Address>{address}</w:Address></w:ReplyTo>")
    };
    let answer = call(&to(&format!("{WSA}/anonymous")));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains(">urn:uuid:7</wsa:RelatesTo>"), "{}", answer.text());
    assert!(answer.text().contains(">urn:guesthouse:spec:SpecPortType:EchoResponse</wsa:Action>"));
    assert_eq!(call(&to(&format!("{WSA}/none"))).status, 202);
    let answer = call(&to("http://169.254.169.254/"));
    assert_fault(&answer, SOAP_12, 400, "Sender");
    assert!(answer.text().contains("OnlyAnonymousAddressSupported"), "{}", answer.text());
}

/// Runs one function of the zeep script against the shared host.
#[track_caller]
fn zeep(check: &str) {
    let host = HOST.get();
    python("soap.py", &[host.url().as_str(), check]);
}

#[test]
fn zeep_opens_accounts_and_moves_money_in_both_versions() {
    zeep("accounts_and_transfers");
}

#[test]
fn zeep_sees_every_fault_of_the_bank_with_its_detail_in_both_versions() {
    zeep("faults");
}

#[test]
fn zeep_reads_statements_of_any_length() {
    zeep("statements");
}

#[test]
fn zeep_moves_amounts_exactly() {
    zeep("decimals");
}

#[test]
fn zeep_calls_that_run_at_once_lose_no_money() {
    zeep("at_once");
}
