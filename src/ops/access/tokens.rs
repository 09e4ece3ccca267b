//! `token create`, `token list`, `token revoke`, and the doorkeeper who knows them.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use subtle::ConstantTimeEq as _;

use crate::model::access::{NewToken, OperatorName, Role, Token, TokenRow};
use crate::model::event::{EventDraft, EventKind};
use crate::model::quantity::Span;
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::store::Store;
use crate::sys::{files, random};

/// How every token begins, so that one that was pasted where it does not belong is recognised.
const PREFIX: &str = "holdpoint_";

/// What a new token is to be.
#[derive(Debug, Clone)]
pub struct Making {
    /// Whose.
    pub name: OperatorName,
    /// What they may do.
    pub role: Role,
    /// How long it is good.
    pub expires_in: Span,
    /// Where it is written as a configuration of curl, instead of being shown.
    pub curl_config: Option<PathBuf>,
}

/// Makes a token. Its value is shown this once, or written to a file that only its owner can read.
///
/// # Errors
/// A usage error where somebody of that name has a good one; what cannot be written.
pub fn create(host: &Host, making: &Making) -> Result<NewToken, OpsError> {
    let now = host.clock.now();
    let secret = random::secret().map_err(|error| OpsError::Failed {
        what: format!("no random bytes could be had: {error}"),
        hint: "run the same command again".to_owned(),
    })?;
    let value = format!("{PREFIX}{secret}");
    let lasts = chrono::Duration::from_std(making.expires_in.0).ok();
    let expires_at =
        lasts.and_then(|lasts| now.checked_add_signed(lasts)).ok_or_else(|| OpsError::Usage {
            what: "no token is good for that long".to_owned(),
            hint: "`--expires-in 90d`".to_owned(),
        })?;
    if let Some(path) = &making.curl_config {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(missing) = folder.filter(|folder| !files::is_folder(folder)) {
            return Err(OpsError::Usage {
                what: format!("`{}` cannot be written: its folder is not there", path.display()),
                hint: format!("make it first: `mkdir -p {}`", missing.display()),
            });
        }
    }
    let token = Token {
        name: making.name.clone(),
        role: making.role,
        sha256: files::sha256_of(value.as_bytes()),
        created_by: host.operator.clone(),
        created_at: now,
        expires_at,
        revoked_at: None,
    };
    let row = TokenRow::of(&token, now);
    host.store.change_tokens(|tokens| {
        if tokens.iter().any(|known| known.name == making.name && known.is_good(now)) {
            return Err(OpsError::Usage {
                what: format!("`{}` has a token that is good", making.name),
                hint: format!("take it back first: `holdpoint token revoke {}`", making.name),
            });
        }
        if let Some(path) = &making.curl_config {
            // Written before the token counts, for one that nobody could read would only lie about; and only once nothing
            // stands against it, for there may be a good one in that file.
            let text = format!("header = \"Authorization: Bearer {value}\"\n");
            files::save_atomic(path, text.as_bytes(), 0o600)?;
        }
        tokens.push(token);
        Ok(())
    })?;
    let draft = EventDraft::new(EventKind::Token)
        .reason("created")
        .detail("name", making.name.as_str())
        .detail("role", making.role.word());
    host.store.record_request(draft, &host.operator, now)?;
    let curl_config = making.curl_config.as_ref().map(|path| path.display().to_string());
    Ok(NewToken { row, token: curl_config.is_none().then_some(value), curl_config })
}

/// Every token that was made here, newest first.
///
/// # Errors
/// A damaged file.
pub fn list(host: &Host) -> Result<Vec<TokenRow>, OpsError> {
    let now = host.clock.now();
    let mut rows: Vec<TokenRow> = host.store.tokens()?.iter().map(|token| TokenRow::of(token, now)).collect();
    rows.reverse();
    Ok(rows)
}

/// Takes somebody's tokens back: they are refused from now on, also on streams that are open.
///
/// # Errors
/// A usage error where nobody of that name has a good one.
pub fn revoke(host: &Host, name: &OperatorName) -> Result<Vec<TokenRow>, OpsError> {
    let now = host.clock.now();
    let mut rows = Vec::new();
    host.store.change_tokens(|tokens| {
        for token in tokens.iter_mut().filter(|token| token.name == *name && token.revoked_at.is_none()) {
            token.revoked_at = Some(now);
            rows.push(TokenRow::of(token, now));
        }
        if rows.is_empty() {
            return Err(OpsError::Usage {
                what: format!("`{name}` has no token that could be taken back"),
                hint: "`holdpoint token list` shows them".to_owned(),
            });
        }
        Ok(())
    })?;
    let draft = EventDraft::new(EventKind::Token).reason("revoked").detail("name", name.as_str());
    host.store.record_request(draft, &host.operator, now)?;
    Ok(rows)
}

/// Knows the tokens, and reads them again whenever they changed.
#[derive(Debug, Default)]
pub struct Doorkeeper {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    changed_at: Option<i128>,
    tokens: Vec<Token>,
}

impl Doorkeeper {
    /// Whose token this value is; none: nobody's who may come in.
    ///
    /// # Errors
    /// When the tokens cannot be read: then nobody comes in.
    pub fn who(&self, store: &Store, value: &str, now: DateTime<Utc>) -> Result<Option<Token>, OpsError> {
        let digest = files::sha256_of(value.as_bytes());
        let is_it = |token: &&Token| bool::from(token.sha256.as_bytes().ct_eq(digest.as_bytes()));
        self.with(store, |tokens| tokens.iter().find(is_it).filter(|token| token.is_good(now)).cloned())
    }

    /// Whether a token that came in before is still good.
    ///
    /// # Errors
    /// As [`Doorkeeper::who`].
    pub fn still(&self, store: &Store, token: &Token, now: DateTime<Utc>) -> Result<bool, OpsError> {
        self.with(store, |tokens| {
            tokens.iter().any(|known| known.sha256 == token.sha256 && known.is_good(now))
        })
    }

    fn with<T>(&self, store: &Store, look: impl FnOnce(&[Token]) -> T) -> Result<T, OpsError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let changed_at = store.tokens_changed_at();
        if changed_at.is_none() || known.changed_at != changed_at {
            *known = Known { changed_at, tokens: store.tokens()? };
        }
        Ok(look(&known.tokens))
    }
}
