//! Typed services with random types: random values round trip through every style, and one mistake in them is found where it is.
//!
//! Owns the rounds, their seeds and the report of a failure. A round is a host with a few random services; each has its real
//! component, made without a compiler (`component`), and is called over real sockets (`styles`). What is expected is made from
//! `wit/MAPPING.md` by encoders and decoders of the test's own (`tree`, `xml`, `soap`, `query`), so that the host is not compared
//! with itself. Calls with a mistake go to a component of the same types whose functions trap: whoever is answered with the place
//! of the mistake was answered without the plugin.
//!
//! `GUESTHOUSE_TEST_PROPERTY_SEED` is the first seed, `GUESTHOUSE_TEST_PROPERTY_ROUNDS` how many rounds follow, each with the next
//! seed. Without them there are a few rounds, always the same.

mod component;
mod query;
mod soap;
mod styles;
mod tree;
mod types;
mod values;
mod xml;

use std::collections::HashMap;
use std::rc::Rc;

use self::component::Body;
use self::styles::{Client, Expected, Mounts, STYLES, Style};
use self::tree::Mistake;
use self::types::{Function, Gives, Service};
use self::values::Value;
use crate::support::random::Random;
use crate::support::{Host, number_from_environment};

/// Random services on one host.
const SERVICES: usize = 3;
/// Functions in each of a service's interfaces.
const FUNCTIONS_EACH: usize = 12;
/// Values for each function.
const VALUES_EACH: usize = 6;
/// Mistakes that are tried in each style for each value; not every place has one to be made.
const MISTAKES_EACH: usize = 2;
/// How often a failing call is made smaller.
const SMALLER_MAX: usize = 300;
/// Failures of one style whose reasons begin with the same characters are of one kind.
const KIND_CHARACTERS: usize = 24;

/// How often something was seen, by what it was.
type Counts = HashMap<(Style, &'static str), usize>;

#[test]
fn random_values_of_random_types_round_trip_through_every_style() {
    let first = number_from_environment("GUESTHOUSE_TEST_PROPERTY_SEED", 1);
    let rounds = number_from_environment("GUESTHOUSE_TEST_PROPERTY_ROUNDS", 4);
    let mut counts = Counts::new();
    for seed in first..first.saturating_add(rounds) {
        println!("seed {seed}: GUESTHOUSE_TEST_PROPERTY_SEED={seed} makes this round the first");
        round(seed, &mut counts);
    }
    let mut seen: Vec<String> =
        counts.iter().map(|((style, what), count)| format!("{style:?} {what}: {count}")).collect();
    seen.sort();
    println!("{}", seen.join("\n"));
    let least = |style: Style, what: &'static str, each_round: u64| {
        let count = counts.get(&(style, what)).copied().unwrap_or_default();
        assert!(
            u64::try_from(count).expect("64 bits") >= each_round * rounds,
            "{style:?} {what}: {count} only"
        );
    };
    for style in STYLES {
        least(style, "values", 1_000);
        least(style, "mistakes", 400);
    }
    // Rare in a single round, and certain in a few.
    for style in [Style::XmlRpc, Style::Soap11, Style::Soap12] {
        least(style, "texts that XML cannot carry", 1);
        least(style, "answers that XML cannot carry", 1);
    }
}

#[test]
fn a_type_has_at_most_32_flags() {
    // The component model's own limit: what the mapping says of flags has no second word to be tested with.
    let names: Vec<String> = (0..33).map(|number| format!("flag-{number}")).collect();
    let text = format!("package a:b; interface i {{ flags f {{ {} }} }}", names.join(", "));
    let error = wit_parser::Resolve::default().push_str("flags.wit", &text).expect_err("33 flags");
    assert!(format!("{error:?}").contains("32 flags"), "{error:?}");
}

/// One host with a few services.
fn round(seed: u64, counts: &mut Counts) {
    let mut random = Random::new(seed);
    let mut builder = Host::builder().configuration("access-log = \"off\"\n");
    let mut services = Vec::new();
    for number in 0..SERVICES {
        let service = Service::random(&mut random, FUNCTIONS_EACH);
        let identity = component::encode(&service, Body::Identity);
        let mut queries = String::from("[typed.routes]\n");
        let mut some = queries.clone();
        for (place, function) in service.functions.iter().enumerate() {
            let path = query::in_path(function)
                .map_or(String::new(), |parameter| format!("/{{{}}}", function.parameters[parameter].0.wit));
            queries.push_str(&format!("\"{0}\" = \"GET /{0}{path}\"\n", function.path));
            let route = match styles::is_get_among_traps(place) {
                true => format!("GET /{}{path}", function.path),
                false => format!("POST /{}", function.path),
            };
            some.push_str(&format!("\"{}\" = \"{route}\"\n", function.path));
        }
        let names = [format!("random-{number}"), format!("queries-{number}"), format!("traps-{number}")];
        builder = builder
            .file(&format!("{}.wasm", names[0]), identity.clone())
            .file(&format!("{}.wasm", names[1]), identity)
            .file(&format!("{}.toml", names[1]), queries)
            .file(&format!("{}.wasm", names[2]), component::encode(&service, Body::Trap))
            .file(&format!("{}.toml", names[2]), some);
        let [plain, queries, traps] = names.map(|name| format!("/{name}"));
        services.push((service, Mounts { plain, queries, traps }));
    }
    let mut host = builder.start();
    for line in host.log() {
        assert!(!line.contains("not loaded"), "seed {seed}: {line}\n{}", services_text(&services));
    }
    let client = Client::new(&host);
    // One of each kind, so that a look at one round shows all that there is to see.
    let mut failures: HashMap<(Style, String), String> = HashMap::new();
    for (service, mounts) in &services {
        for contract in ["openapi.json", "openrpc.json", "asyncapi.json"] {
            let answer = host.get(&format!("{}/{contract}", mounts.plain));
            assert_eq!(answer.status, 200, "seed {seed}: {contract}");
            answer.json();
        }
        for (place, function) in service.functions.iter().enumerate() {
            *counts.entry((Style::Rest, "functions")).or_default() += 1;
            for _ in 0..VALUES_EACH {
                let call = values::call(function, &mut random);
                for style in STYLES {
                    let at = random.next();
                    let attempt = Attempt { client: &client, mounts, place, function, style, at };
                    if let Err(failure) = attempt.run(&call, counts) {
                        let kind = failure.why.chars().take(KIND_CHARACTERS).collect();
                        let report = || format!("seed {seed}, {}", attempt.report(call.clone(), *failure));
                        failures.entry((style, kind)).or_insert_with(report);
                    }
                }
            }
        }
    }
    drop(client);
    assert!(host.is_running(), "seed {seed}: the host ended");
    let reports: Vec<String> = failures.into_values().collect();
    assert!(reports.is_empty(), "{}", reports.join("\n\n"));
}

fn services_text(services: &[(Service, Mounts)]) -> String {
    services.iter().map(|(service, _)| service.wit.as_str()).collect()
}

/// Arguments and the answer that they are to have.
type Call = (Vec<Value>, Value);

/// What went wrong.
#[derive(Debug)]
struct Failure {
    why: String,
    request: styles::Request,
    mistake: Option<(String, &'static str)>,
    status: u16,
    answer: String,
}

/// One call in one style, several times: in the one spelling, in another, and with mistakes.
struct Attempt<'a> {
    client: &'a Client<'a>,
    mounts: &'a Mounts,
    place: usize,
    function: &'a Function,
    style: Style,
    /// The seed of spellings and mistakes, so that the same attempt can be made again.
    at: u64,
}

impl Attempt<'_> {
    fn run(&self, call: &Call, counts: &mut Counts) -> Result<(), Box<Failure>> {
        self.exchange(call, &mut None, None, counts)?;
        self.exchange(call, &mut Some(&mut Random::new(self.at)), None, counts)?;
        let mut random = Random::new(self.at);
        let mut mistake = Mistake::counting();
        self.request(call, &mut None, Some((&mut mistake, &mut random)));
        let places = mistake.counted();
        for _ in 0..MISTAKES_EACH {
            let mut mistake = Mistake::new(random.below(places + 1));
            self.exchange(call, &mut None, Some((&mut mistake, &mut random)), counts)?;
        }
        Ok(())
    }

    fn request(
        &self,
        call: &Call,
        loose: &mut Option<&mut Random>,
        mistake: Option<(&mut Mistake, &mut Random)>,
    ) -> Option<(styles::Request, Expected)> {
        styles::request(
            self.style,
            self.mounts,
            (self.place, self.function),
            (&call.0, &call.1),
            loose,
            mistake,
        )
    }

    fn exchange(
        &self,
        call: &Call,
        loose: &mut Option<&mut Random>,
        mut mistake: Option<(&mut Mistake, &mut Random)>,
        counts: &mut Counts,
    ) -> Result<(), Box<Failure>> {
        let Self { client, mounts, function, style, .. } = self;
        let lent = mistake.as_mut().map(|(mistake, random)| (&mut **mistake, &mut **random));
        let Some((request, expected)) = self.request(call, loose, lent) else { return Ok(()) };
        let mount = if mistake.is_some() { &mounts.traps } else { &mounts.plain };
        let (status, media_type, answer) = client.send(*style, &request);
        let what = match &expected {
            Expected::Value(_) => "values",
            Expected::Invalid(_) => "mistakes",
            Expected::Unsendable => "answers that XML cannot carry",
            Expected::Malformed => "texts that XML cannot carry",
            Expected::TooLong => "targets that are too long",
        };
        *counts.entry((*style, what)).or_default() += 1;
        styles::check(*style, mount, function, &expected, (status, media_type.as_deref(), &answer)).map_err(
            |why| {
                let mistake = mistake.and_then(|(mistake, _)| mistake.made.clone());
                Box::new(Failure { why, request, mistake, status, answer })
            },
        )
    }

    /// The smallest call that still fails, and all that is needed to understand it.
    fn report(&self, mut call: Call, mut failure: Failure) -> String {
        let mut left = SMALLER_MAX;
        let mut counts = Counts::new();
        'smaller: loop {
            let candidates: Vec<Call> = match self.function.gives {
                Gives::Recast => values::smaller(&self.function.returns, &call.1)
                    .into_iter()
                    .map(|answer| (vec![values::raw(&answer)], answer))
                    .collect(),
                _ => values::each(&call.0, |place| Rc::clone(&self.function.parameters[place].1))
                    .into_iter()
                    .map(|arguments| {
                        let answer = values::answer(self.function, &arguments);
                        (arguments, answer)
                    })
                    .collect(),
            };
            for candidate in candidates {
                if left == 0 {
                    break 'smaller;
                }
                left -= 1;
                if let Err(smaller) = self.run(&candidate, &mut counts) {
                    (call, failure) = (candidate, *smaller);
                    continue 'smaller;
                }
            }
            break;
        }
        let Failure { why, request, mistake, status, answer } = failure;
        let mistake = mistake.map_or(String::new(), |(at, what)| format!("\nmistake: {what} at {at}"));
        format!(
            "{:?}: {why}\n{}\narguments: {:?}\nto be answered: {:?}{mistake}\nrequest: {} {}\nanswer: {status} {answer}",
            self.style,
            self.function.text(),
            call.0,
            call.1,
            request.target,
            request.body,
        )
    }
}
