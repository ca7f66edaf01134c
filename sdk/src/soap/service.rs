//! A typed service: a table of operations that the attribute [`soap`](macro@crate::soap) makes of an impl block. It owns how
//! a call finds its operation and how values and faults become a reply; the table is what [`wsdl`](super::wsdl) describes.

use super::schema::{self, Schema};
use super::value::{Fields, Mismatch, Writer, XmlField, XmlSequence};
use super::xml::Element;
use super::{Call, Fault, FaultCode, QualifiedName, Reply, Version};

/// The namespace of the detail that a refused message is answered with.
const DETAIL: &str = "urn:guesthouse:soap";

/// The namespace of the fault subcodes of SOAP 1.2 Part 2, section 4.4.
const RPC: &str = "http://www.w3.org/2003/05/soap-rpc";

/// A typed service. Written by the attribute [`soap`](macro@crate::soap).
pub trait Service {
    /// The namespace of the service, of its operations and of all its types.
    const NAMESPACE: &'static str;
    /// The name of the WSDL service.
    const NAME: &'static str;
    /// What the service is, for people.
    const DOCUMENTATION: &'static str;
    /// What the service does.
    const OPERATIONS: &'static [Operation];
}

/// One operation of a [`Service`].
#[derive(Debug)]
pub struct Operation {
    /// The name of the body's first child. The response's is this and `Response`.
    pub name: &'static str,
    /// What the operation does, for people.
    pub documentation: &'static str,
    /// Whether nothing is answered: the caller is told 202 when the operation has run, or gets its fault.
    pub one_way: bool,
    /// Declares the elements of the request.
    pub request: fn(&mut Schema) -> String,
    /// Declares the elements of the response.
    pub response: fn(&mut Schema) -> String,
    /// Declares the faults.
    pub faults: fn(&mut Schema) -> Vec<FaultDeclaration>,
    /// Reads the arguments, runs the operation, writes its result.
    pub call: fn(&Element) -> Result<Reply, Fault>,
}

/// One fault as a WSDL declares it: the element in the fault's detail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultDeclaration {
    /// The name of the element.
    pub name: &'static str,
    /// When the fault occurs, for people.
    pub documentation: &'static str,
    /// The declarations of the elements in it.
    pub elements: String,
}

/// What an operation may fail with. Derive it for an enum: each variant is a fault of its own, declared in the WSDL.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a SOAP fault",
    note = "derive `SoapFault` for it, or fail with `soap::Fault`"
)]
pub trait SoapFault {
    /// What the WSDL declares.
    fn declarations(schema: &mut Schema) -> Vec<FaultDeclaration>;

    /// The fault, with a detail in `namespace`.
    fn into_fault(self, namespace: &str) -> Fault;
}

impl SoapFault for Fault {
    fn declarations(_schema: &mut Schema) -> Vec<FaultDeclaration> {
        Vec::new()
    }

    fn into_fault(self, _namespace: &str) -> Fault {
        self
    }
}

impl SoapFault for std::convert::Infallible {
    fn declarations(_schema: &mut Schema) -> Vec<FaultDeclaration> {
        Vec::new()
    }

    fn into_fault(self, _namespace: &str) -> Fault {
        match self {}
    }
}

/// The store's trouble is the service's own: the caller learns that it is not his, and the log gets the cause.
impl SoapFault for crate::store::Error {
    fn declarations(_schema: &mut Schema) -> Vec<FaultDeclaration> {
        Vec::new()
    }

    fn into_fault(self, _namespace: &str) -> Fault {
        crate::log::error("store", &self.to_string());
        Fault::receiver("the service cannot reach its store; nothing was changed")
    }
}

/// A message of the wrong form is the sender's fault. The detail repeats the message in parts, for programs.
impl From<Mismatch> for Fault {
    fn from(mismatch: Mismatch) -> Self {
        let detail = Writer::document(DETAIL, "Mismatch", |out| {
            XmlField::write(&mismatch.path(), "path", out);
            out.element("expected", |out| out.text(mismatch.expected()));
            out.element("found", |out| out.text(mismatch.found()));
        });
        Self::sender(mismatch.to_string()).with_detail(detail)
    }
}

/// Runs the operation that a call names.
///
/// # Errors
/// The operation's own faults, and a sender fault when there is no such operation or its arguments do not fit.
pub fn handle<S: Service>(call: &Call) -> Result<Reply, Fault> {
    let name = &call.operation;
    let operation = S::OPERATIONS
        .iter()
        .find(|operation| operation.name == name.name && name.namespace == S::NAMESPACE)
        .ok_or_else(|| unknown::<S>(name))?;
    let body = Element::parse(&call.body).map_err(|error| Fault::sender(error.to_string()))?;
    (operation.call)(&body)
}

fn unknown<S: Service>(asked: &QualifiedName) -> Fault {
    let offered: Vec<&str> = S::OPERATIONS.iter().map(|operation| operation.name).collect();
    let asked = match asked.name.as_str() {
        "" => "the body is empty".to_owned(),
        name => format!("there is no operation `{name}` in namespace `{}`", asked.namespace),
    };
    let reason = format!("{asked}; namespace `{}` has {}", S::NAMESPACE, offered.join(", "));
    let subcode = QualifiedName { namespace: RPC.into(), name: "ProcedureNotPresent".into() };
    Fault::sender(reason).with_subcode(subcode)
}

/// What the host is told of a typed service.
#[must_use]
pub fn describe<S: Service>() -> super::Description {
    let operations = S::OPERATIONS
        .iter()
        .map(|operation| QualifiedName { namespace: S::NAMESPACE.into(), name: operation.name.into() });
    super::Description {
        versions: vec![Version::Soap11, Version::Soap12],
        understands: Vec::new(),
        roles: Vec::new(),
        operations: operations.collect(),
    }
}

/// Reads the arguments of an operation with `read`. A mismatch is reported under the operation's name.
///
/// # Errors
/// When the arguments are not those that `read` takes.
pub fn arguments<T>(
    element: &Element,
    read: impl FnOnce(&mut Fields<'_>) -> Result<T, Mismatch>,
) -> Result<T, Fault> {
    let read = || {
        let mut fields = Fields::new(element)?;
        let arguments = read(&mut fields)?;
        fields.finish()?;
        Ok(arguments)
    };
    read().map_err(|mismatch: Mismatch| mismatch.under(element.name.as_str()).into())
}

/// Makes a reply or a fault of what an operation gave whose fields are the elements of the response.
///
/// # Errors
/// The operation's fault.
pub fn answer_fields<S: Service, T: XmlSequence, F: SoapFault>(
    operation: &str,
    result: Result<T, F>,
) -> Result<Reply, Fault> {
    answer::<S, T, F>(operation, result, |value, out| value.write_fields(out))
}

/// Makes a reply or a fault of what an operation gave that is the one element `name` of the response.
///
/// # Errors
/// The operation's fault.
pub fn answer_element<S: Service, T: XmlField, F: SoapFault>(
    operation: &str,
    name: &str,
    result: Result<T, F>,
) -> Result<Reply, Fault> {
    answer::<S, T, F>(operation, result, |value, out| value.write(name, out))
}

/// Makes no reply, or a fault, of what a one-way operation gave.
///
/// # Errors
/// The operation's fault.
pub fn answer_nothing<S: Service, F: SoapFault>(result: Result<(), F>) -> Result<Reply, Fault> {
    match result {
        Ok(()) => Ok(Reply::one_way()),
        Err(fault) => Err(fault.into_fault(S::NAMESPACE)),
    }
}

fn answer<S: Service, T, F: SoapFault>(
    operation: &str,
    result: Result<T, F>,
    write: impl FnOnce(&T, &mut Writer),
) -> Result<Reply, Fault> {
    match result {
        Ok(value) => {
            let name = format!("{operation}Response");
            Ok(Reply::new(Writer::document(S::NAMESPACE, &name, |out| write(&value, out))))
        }
        Err(fault) => Err(fault.into_fault(S::NAMESPACE)),
    }
}

/// Makes a fault of a variant of an enum that derives [`SoapFault`]: the variant's name is the subcode and the detail.
#[must_use]
pub fn declared_fault(
    code: FaultCode,
    namespace: &str,
    name: &str,
    reason: String,
    content: impl FnOnce(&mut Writer),
) -> Fault {
    let subcode = QualifiedName { namespace: namespace.into(), name: name.into() };
    Fault::new(code, reason).with_subcode(subcode).with_detail(Writer::document(namespace, name, content))
}

/// The schema of all operations: top-level elements for requests, responses and faults, then the types they use.
pub(super) fn schema<S: Service>() -> String {
    let mut types = Schema::default();
    let mut elements = String::new();
    let mut declared: Vec<&str> = Vec::new();
    for operation in S::OPERATIONS {
        let request = (operation.request)(&mut types);
        elements.push_str(&schema::wrapper(operation.name, operation.documentation, &request));
        if operation.one_way {
            continue;
        }
        let response = (operation.response)(&mut types);
        elements.push_str(&schema::wrapper(&format!("{}Response", operation.name), "", &response));
        for fault in (operation.faults)(&mut types) {
            if !declared.contains(&fault.name) {
                declared.push(fault.name);
                elements.push_str(&schema::wrapper(fault.name, fault.documentation, &fault.elements));
            }
        }
    }
    elements + &types.definitions()
}
