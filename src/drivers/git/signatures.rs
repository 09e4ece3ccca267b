//! Signatures of the commits that come in (design/04, `verify_signatures`).

use std::path::Path;

use super::{Git, GitError, parse};
use crate::model::facts::{BadlySigned, Signature};
use crate::model::id::Oid;

/// Where the tips of branches are kept from before our revert commits were taken away. Only this host writes there:
/// what is fetched goes elsewhere.
const OWN_REVERTS: &str = "refs/holdpoint/reverted/";

impl Git {
    /// Commits that the target has and BASE has not, a merge's other side included, whose signature is not good. What this
    /// host committed itself in taking a release back is not among them; that a message says so is not enough.
    ///
    /// # Errors
    /// [`GitError`] when git cannot list them.
    pub fn badly_signed(
        &self,
        base: &Oid,
        target: &Oid,
        allowed_signers: Option<&Path>,
    ) -> Result<Vec<BadlySigned>, GitError> {
        if base == target {
            return Ok(Vec::new());
        }
        let signers = allowed_signers.map(|file| format!("gpg.ssh.allowedSignersFile={}", file.display()));
        let format = parse::commit_format(true);
        let range = format!("{base}..{target}");
        let mut args: Vec<&str> = signers.iter().flat_map(|set| ["-c", set.as_str()]).collect();
        args.extend(["log", "-z", "--topo-order", "--encoding=UTF-8", "--no-show-signature", &format]);
        args.extend(["--end-of-options", &range]);
        let said = self.read_only("look at signatures", &args, None)?;
        let mut badly_signed = Vec::new();
        for linked in parse::commits(&said.stdout, true)? {
            let signature = linked.signature.unwrap_or(Signature::Bad);
            if signature == Signature::Good
                || linked.commit.reverts.is_some() && self.is_own(&linked.commit.oid)?
            {
                continue;
            }
            badly_signed.push(BadlySigned { commit: linked.commit, signature });
        }
        Ok(badly_signed)
    }

    /// Whether this host made a commit that says it is a revert.
    fn is_own(&self, commit: &Oid) -> Result<bool, GitError> {
        let contains = format!("--contains={commit}");
        let args = ["for-each-ref", "--count=1", &contains, OWN_REVERTS];
        Ok(!self.read_only("look at our own reverts", &args, None)?.stdout.is_empty())
    }
}
