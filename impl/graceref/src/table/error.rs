//! What a table refuses, with the reference back where one was given.

use super::Fd;
use crate::count::{CasCount, Count};
use crate::reference::Ref;
use core::error::Error;
use core::fmt;

/// The table has no free number below its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NoNumber(pub(super) ());

const NO_NUMBER: &str = "the table has no free number below its limit; close one, or make the table with a higher limit";

impl fmt::Display for NoNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NO_NUMBER)
    }
}

impl Error for NoNumber {}

/// Why an object was not installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstallErrorKind {
    /// The object lives in another pool than the table's.
    Foreign,
    /// No free number below the table's limit.
    NoNumber,
}

/// The object was not installed; its reference is in here.
pub struct InstallError<T, C: Count = CasCount> {
    pub(super) kind: InstallErrorKind,
    pub(super) object: Ref<T, C>,
}

impl<T, C: Count> InstallError<T, C> {
    /// Why.
    pub fn kind(&self) -> InstallErrorKind {
        self.kind
    }

    /// The reference that was to be installed.
    pub fn into_inner(self) -> Ref<T, C> {
        self.object
    }
}

impl<T, C: Count> fmt::Debug for InstallError<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstallError").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl<T, C: Count> fmt::Display for InstallError<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            InstallErrorKind::Foreign => {
                "the object lives in another pool than the table was made for; insert it into that pool, or make a \
                 table for its own"
            }
            InstallErrorKind::NoNumber => NO_NUMBER,
        })
    }
}

impl<T, C: Count> Error for InstallError<T, C> {}

/// Why a number was not duplicated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DupError {
    /// Nothing is installed under the number to duplicate (EBADF).
    NotOpen(Fd),
    /// The target is reserved and not installed yet (EBUSY).
    Busy(Fd),
    /// The target is not below the table's limit (EBADF).
    BeyondLimit(Fd),
    /// No free number below the limit (EMFILE).
    NoNumber,
}

impl fmt::Display for DupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOpen(fd) => write!(f, "nothing is installed under {fd}; install it first"),
            Self::Busy(fd) => {
                write!(
                    f,
                    "{fd} is reserved and not installed yet; choose another number, or wait for its install"
                )
            }
            Self::BeyondLimit(fd) => {
                write!(
                    f,
                    "{fd} is not below the table's limit; choose a lower number, or a higher limit"
                )
            }
            Self::NoNumber => f.write_str(NO_NUMBER),
        }
    }
}

impl Error for DupError {}
