//! Round 4, group H: operations that do nothing but fail, with a detail that holds an argument.

use guesthouse_sdk::soap::xml::{Attribute, SCHEMA_INSTANCE};
use guesthouse_sdk::soap::{Element, Fault};

use super::{ENCODED_FAULTS, FAULTS};

/// Which argument the fault of an operation holds, by `whichFault`, and how its detail is called: in style document an element
/// of `types/part`, in style rpc a part of the message. The first entry without a number is the answer to any other.
struct Row {
    operation: &'static str,
    /// The other argument by which this operation of two services is told from its namesake.
    witness: Option<&'static str>,
    choices: &'static [(&'static str, &'static str, &'static str, &'static str)],
}

const PARTS: &str = "http://soapinterop.org/types/part";
const MEMBERS: &str = "http://soapinterop.org/types";

const ROWS: &[Row] = &[
    Row { operation: "echoEmptyFault", witness: None, choices: &[("", "", "EmptyPart", "part1")] },
    Row { operation: "echoStringFault", witness: None, choices: &[("", "param", "StringPart", "part2")] },
    Row {
        operation: "echoIntArrayFault",
        witness: None,
        choices: &[("", "param", "ArrayOfIntPart", "part5")],
    },
    Row {
        operation: "echoSOAPStructFault",
        witness: None,
        choices: &[("", "param", "SOAPStructFaultPart", "part1")],
    },
    Row {
        operation: "echoBaseStructFault",
        witness: None,
        choices: &[("", "param", "BaseStructPart", "part2")],
    },
    Row {
        operation: "echoExtendedStructFault",
        witness: None,
        choices: &[("", "param", "ExtendedStructPart", "part3")],
    },
    Row {
        operation: "echoMultipleFaults1",
        witness: Some("param1"),
        choices: &[
            ("2", "param2", "BaseStructPart", "part2"),
            ("", "param1", "SOAPStructFaultPart", "part1"),
        ],
    },
    Row {
        operation: "echoMultipleFaults1",
        witness: None,
        choices: &[
            ("2", "param1", "StringPart", "part2"),
            ("3", "param2", "ArrayOfFloatPart", "part7"),
            ("", "", "EmptyPart", "part1"),
        ],
    },
    Row {
        operation: "echoMultipleFaults2",
        witness: Some("param1"),
        choices: &[
            ("2", "param2", "ExtendedStructPart", "part3"),
            ("3", "param3", "MoreExtendedStructPart", "part4"),
            ("", "param1", "BaseStructPart", "part2"),
        ],
    },
    Row {
        operation: "echoMultipleFaults2",
        witness: None,
        choices: &[
            ("2", "param1", "StringPart", "part2"),
            ("3", "param3", "ArrayOfStringPart", "part6"),
            ("", "param2", "FloatPart", "part4"),
        ],
    },
    Row {
        operation: "echoMultipleFaults3",
        witness: None,
        choices: &[("2", "param2", "String2Part", "part2"), ("", "param1", "StringPart", "part2")],
    },
    Row {
        operation: "echoMultipleFaults4",
        witness: None,
        choices: &[("2", "param2", "EnumPart", "part9"), ("", "param1", "IntPart", "part3")],
    },
];

/// The fault that a request asks for, if it is for one of these operations.
pub(crate) fn of(request: &Element) -> Option<Fault> {
    let literal = match request.namespace.as_str() {
        FAULTS => true,
        ENCODED_FAULTS => false,
        _ => return None,
    };
    let operation = request.name.strip_suffix("Request").unwrap_or(&request.name);
    let row = ROWS.iter().find(|row| {
        // The two services have operations of one name; in one of them the witness is a structure.
        row.operation == operation
            && row
                .witness
                .is_none_or(|name| request.child(name).is_some_and(|child| !child.children.is_empty()))
    })?;
    let which = request.child("whichFault").map_or("", |which| which.text.trim());
    let (_, argument, element, part) =
        row.choices.iter().find(|(number, ..)| number.is_empty() || *number == which)?;
    // Style document has no element for the one argument: the request itself is it.
    let value = match *argument {
        "" => None,
        "param" if literal => Some(request),
        name => request.child(name),
    };
    let mut detail =
        Element { namespace: PARTS.into(), name: (*element).into(), ..value.cloned().unwrap_or_default() };
    if !literal {
        let namespace = match (operation, which) {
            ("echoMultipleFaults3", "2") => "http://soapinterop.org/wsdl/fault2",
            ("echoMultipleFaults3", _) => "http://soapinterop.org/wsdl/fault1",
            _ => ENCODED_FAULTS,
        };
        (detail.namespace, detail.name) = (namespace.into(), (*part).into());
        if value.is_none() {
            let (namespace, name, value) = (SCHEMA_INSTANCE.into(), "nil".into(), "true".into());
            detail.attributes.push(Attribute { namespace, name, value });
        }
    }
    if *element == "SOAPStructFaultPart" && detail.child("soapStruct").is_none() {
        let namespace = if literal { MEMBERS } else { "" };
        let members = std::mem::take(&mut detail.children);
        let structure = Element {
            namespace: namespace.into(),
            name: "soapStruct".into(),
            children: members,
            ..Element::default()
        };
        detail.children.push(structure);
    }
    Some(Fault::receiver(format!("Fault in response to '{operation}'.")).with_detail(detail.to_xml()))
}
