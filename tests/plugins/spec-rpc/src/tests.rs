#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use guesthouse_sdk::rpc::Plugin;

use super::Spec;

fn call(method: &str, params: &str) -> String {
    Spec::call(method.to_owned(), Some(params.to_owned())).unwrap()
}

#[test]
fn the_examples_of_the_json_rpc_specification_answer_as_it_shows() {
    assert_eq!(call("subtract", "[42, 23]"), "19");
    assert_eq!(call("subtract", "[23, 42]"), "-19");
    assert_eq!(call("subtract", r#"{"subtrahend": 23, "minuend": 42}"#), "19");
    assert_eq!(call("sum", "[1,2,4]"), "7");
    assert_eq!(call("update", "[1,2,3,4,5]"), "null");
    assert_eq!(call("notify_hello", "[7]"), "null");
    assert_eq!(Spec::call("get_data".to_owned(), None).unwrap(), r#"["hello",5]"#);
}

#[test]
fn the_methods_of_validator1_answer_as_described() {
    let stooges = r#"{"moe":1,"larry":2,"curly":3,"shemp":4}"#;
    assert_eq!(call("validator1.arrayOfStructsTest", &format!("[[{stooges},{stooges}]]")), "6");
    assert_eq!(
        call("validator1.countTheEntities", r#"["<<>&&&'\"\"\"\""]"#),
        r#"{"ctLeftAngleBrackets":2,"ctRightAngleBrackets":1,"ctAmpersands":3,"ctApostrophes":1,"ctQuotes":4}"#
    );
    assert_eq!(call("validator1.easyStructTest", &format!("[{stooges}]")), "6");
    assert_eq!(call("validator1.echoStructTest", &format!("[{stooges}]")), stooges);
    let many = r#"[7,true,"<&>",2.5,{"$dateTime":"19980717T14:08:55"},{"$base64":"aGVsbG8="}]"#;
    assert_eq!(call("validator1.manyTypesTest", many), many);
    assert_eq!(call("validator1.moderateSizeArrayCheck", r#"[["a","b","c"]]"#), r#""ac""#);
    assert_eq!(
        call("validator1.nestedStructTest", &format!(r#"[{{"2000":{{"04":{{"01":{stooges}}}}}}}]"#)),
        "6"
    );
    assert_eq!(
        call("validator1.simpleStructReturnTest", "[2]"),
        r#"{"times10":20,"times100":200,"times1000":2000}"#
    );
}

#[test]
fn what_a_caller_wants_back_comes_back() {
    for value in ["null", "1.50", "[{}]", "12345678901234567890123"] {
        assert_eq!(call("echo", &format!("[{value}]")), value);
    }
    let failure =
        Spec::call("fail".to_owned(), Some(r#"[4,"Too many parameters."]"#.to_owned())).unwrap_err();
    assert_eq!((failure.code, failure.message.as_str()), (4, "Too many parameters."));
}
