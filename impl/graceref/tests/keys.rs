//! Keys: total, ordered, never another object's, and at their end retired; with either count.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

mod with_cas_count {
    use graceref::CasCount as C;

    include!("keys_cases/cases.rs");
}

mod with_file_ref_count {
    use graceref::FileRefCount as C;

    include!("keys_cases/cases.rs");
}
