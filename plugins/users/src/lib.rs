//! User accounts over JSON-RPC and XML-RPC. Accounts live in the store under `account/{id}`, and `email/{address}` holds
//! the id of whoever has that address: both are written in one transaction, so an address is never taken twice.

use guesthouse_sdk::rpc::{DateTime, Failure};
use guesthouse_sdk::store::Store;
use guesthouse_sdk::{Schema, json, transaction};
use serde::{Deserialize, Serialize};

/// Code of the failure when there is no user of an id.
const UNKNOWN_USER: i32 = 1;
/// Code of the failure when an email address belongs to another user.
const EMAIL_TAKEN: i32 = 2;

/// The most letters in a name.
const NAME_LETTERS_MAX: usize = 200;
/// The most bytes in an address (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const EMAIL_BYTES_MAX: usize = 254;
/// Users on a page when the caller does not say.
const PAGE_USERS: usize = 20;
/// The most users on a page.
const PAGE_USERS_MAX: usize = 100;

/// A user.
#[derive(Serialize, Deserialize, Schema)]
struct User {
    id: u64,
    name: String,
    email: String,
    /// When the user was created, in UTC.
    created: DateTime,
}

const ACCOUNT: &str = "account/";

/// Padded, so that keys in byte order are users in the order of their creation.
fn account_key(id: u64) -> String {
    format!("{ACCOUNT}{id:020}")
}

/// Addresses that differ in case only count as one.
fn email_key(email: &str) -> String {
    format!("email/{}", email.to_lowercase())
}

fn unknown(id: u64) -> Failure {
    Failure::new(UNKNOWN_USER, "Unknown user").with(&json!({"id": id}))
}

fn taken(email: &str) -> Failure {
    Failure::new(EMAIL_TAKEN, "Email address is taken").with(&json!({"email": email}))
}

/// Whether a text looks like an address. Only a mail sent there would tell more.
fn is_email(text: &str) -> bool {
    let (user, domain) = text.rsplit_once('@').unwrap_or_default();
    let visible = |letter: char| !letter.is_whitespace() && !letter.is_control();
    !user.is_empty() && !domain.is_empty() && text.len() <= EMAIL_BYTES_MAX && text.chars().all(visible)
}

struct Users;

#[guesthouse_sdk::rpc]
impl Users {
    /// Creates a user and gives its id. Fails with code 2 when the email address belongs to another user.
    #[method("createUser")]
    fn create_user(
        /// 1 to 200 letters.
        name: String,
        /// Belongs to one user at most.
        email: String,
    ) -> Result<u64, Failure> {
        let (name, email) = (name.trim(), email.trim());
        if !(1..=NAME_LETTERS_MAX).contains(&name.chars().count()) {
            return Err(Failure::invalid_argument("name", "1 to 200 letters", name));
        }
        if !is_email(email) {
            return Err(Failure::invalid_argument("email", "an email address", email));
        }
        let store = Store::open("default")?;
        // Checked again in the transaction; here it saves an id.
        if store.exists(&email_key(email))? {
            return Err(taken(email));
        }
        let id = store.increment("last", 1)?;
        let user = User { id, name: name.to_owned(), email: email.to_owned(), created: DateTime::now() };
        transaction::run(&store, |t| {
            if t.exists(&email_key(email))? {
                return Err(taken(email));
            }
            t.put_json(&email_key(email), &id)?;
            t.put_json(&account_key(id), &user)?;
            Ok(id)
        })
    }

    /// Gives a user. Fails with code 1 when there is none of this id.
    #[method("getUserInfo")]
    fn get_user_info(id: u64) -> Result<User, Failure> {
        Store::open("default")?.get_json(&account_key(id))?.ok_or_else(|| unknown(id))
    }

    /// Lists users in the order of their creation.
    #[method("listUsers")]
    fn list_users(
        /// How many users to skip; 0 when left out.
        offset: Option<usize>,
        /// How many users to give, 1 to 100; 20 when left out.
        limit: Option<usize>,
    ) -> Result<Vec<User>, Failure> {
        let limit = limit.unwrap_or(PAGE_USERS);
        if !(1..=PAGE_USERS_MAX).contains(&limit) {
            return Err(Failure::invalid_argument("limit", "1 to 100", &limit.to_string()));
        }
        let store = Store::open("default")?;
        let is_account = |key: &Result<String, _>| key.as_ref().map_or(true, |key| key.starts_with(ACCOUNT));
        let keys = store.keys().take_while(is_account).skip(offset.unwrap_or(0)).take(limit);
        let keys: Vec<String> = keys.collect::<Result<_, _>>()?;
        Ok(store.get_many_json(&keys)?.into_iter().flatten().collect())
    }

    /// Deletes a user, whose email address is free again. Fails with code 1 when there is none of this id.
    #[method("deleteUser")]
    fn delete_user(id: u64) -> Result<bool, Failure> {
        transaction::run(&Store::open("default")?, |t| {
            let user: User = t.get_json(&account_key(id))?.ok_or_else(|| unknown(id))?;
            t.delete(&account_key(id));
            t.delete(&email_key(&user.email));
            Ok(true)
        })
    }
}

#[cfg(test)]
mod tests;
