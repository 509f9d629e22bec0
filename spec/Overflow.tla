---------------------------- MODULE Overflow ----------------------------
(* A count that stray references overflow, in two or three bits.

   The leaker is a system call with a get and, on its error path, no put: it
   takes references for as long as it likes, each from one that it owns, and
   gives none back. The user has a reference and uses the object; the lookup
   gets one if the count is not zero (RCU keeps the count's memory), uses the
   object, and puts.

   Fix: "wrap"      a plain atomic, of two bits: 3 + 1 = 0
        "saturate"  refcount_t, of three: 1..3 count, 4..7 are saturated. Who
                    finds the count there, or at 0, or leaves it there stores
                    Saturated, in the middle of the zone. The store is a
                    second step after the add: others go on from where the
                    add has led.
        "edge"      the same, but 7, the end of the zone, is stored
        "narrow"    the same in two bits: 1..2 count, 3 alone is saturated

   "wrap":
     1  leaker: get, get, ... until the count is 1 again
     2  user: put: the count is 0, release
     3  lookup, or leaker: uses the object that it has a reference to

   "edge" and "narrow", with the count saturated:
     1  lookup: get: 0; about to store
     2  leaker: get: 1; about to store
     3  user: put: 0, release

   Leaks is the number of stray gets beyond what the count can hold, 0 for
   no leaker.

   Code: impl/lifetimes/src/counts/refcount.rs, verify/scenarios/src/worlds/overflow.rs *)
EXTENDS Integers

CONSTANTS Fix, Leaks, Lookups

ASSUME Fix \in {"wrap", "saturate", "narrow", "edge"}
ASSUME Leaks \in Nat
ASSUME Lookups \subseteq {"lookup", "lookup2"}

Size      == IF Fix \in {"wrap", "narrow"} THEN 4 ELSE 8
Most      == IF Fix = "narrow" THEN 2 ELSE 3
Saturated == IF Fix = "saturate" THEN 6 ELSE Size - 1

Leakers == IF Leaks = 0 THEN {} ELSE {"leaker"}
Start   == IF Leaks = 0 THEN 1 ELSE Most  \* the leaker has taken what the count can hold

\* Whether who has changed the count has still to store Saturated.
Bad(old, new) == Fix # "wrap" /\ (old = 0 \/ old > Most \/ new > Most)

(*
--algorithm Overflow {
variables
  word     = Start;
  \* ghosts
  refs     = Start;                     \* the references that somebody has
  released = 0;
  early    = FALSE;                     \* released while somebody had a reference
  uaf      = FALSE;

macro inc() {
  word := (word + 1) % Size;
  refs := refs + 1;
}

macro dec() {
  word := (word + Size - 1) % Size;
  refs := refs - 1;
}

macro use() {
  uaf := uaf \/ released > 0;
}

macro release() {
  released := released + 1;
  early    := early \/ refs > 0;
}

fair process (leaker \in Leakers)
variables leaks = 0;
{
leak_get:
  while (TRUE) {
    inc();
    if (Bad((word + Size - 1) % Size, word)) {
leak_get_saturate:
      word := Saturated
    };
leak_use:                               \* and finds that the call must fail
    use();
    leaks := leaks + 1;
    if (leaks = Leaks) { goto Done }
  }
}

fair process (user \in {"user"})
{
user_use:
  use();
user_put:
  dec();
  if (word = 0) { goto user_release }
  else { if (~Bad((word + 1) % Size, word)) { goto Done } };
user_put_saturate:
  word := Saturated;
  goto Done;
user_release:
  release();
}

fair process (lookup \in Lookups)
variables seen = 0;
{
look_get_load:
  seen := word;
  if (seen = 0) { goto Done };
look_get_cas:
  if (word # seen) { goto look_get_load }
  else {
    inc();
    if (~Bad(seen, word)) { goto look_use }
  };
look_get_saturate:
  word := Saturated;
look_use:
  use();
look_put:
  dec();
  if (word = 0) { goto look_release }
  else { if (~Bad((word + 1) % Size, word)) { goto Done } };
look_put_saturate:
  word := Saturated;
  goto Done;
look_release:
  release();
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == Leakers \cup {"user"} \cup Lookups

TypeOK ==
  /\ word \in 0..Size-1
  /\ refs \in 0..Start + Leaks + 2
  /\ released \in 0..3 /\ early \in BOOLEAN /\ uaf \in BOOLEAN

ReleasedOnce == released <= 1

\* Nobody releases while somebody has a reference.
NoEarlyRelease == ~early

NoUseAfterFree == ~uaf

\* Too many references: the object is never released, and the count says so for ever.
LeakedNotFreed ==
  (\A t \in Threads : pc[t] = "Done") /\ refs > 0 => released = 0 /\ word = Saturated

\* And whoever keeps within its limit is released, once.
NothingLeft ==
  (\A t \in Threads : pc[t] = "Done") /\ refs = 0 => released = 1 /\ word = 0

Leaked == <>[](word = Saturated)

\* Witnesses: these must fail.
NeverSaturated == word <= Most
NeverOut       == refs > Most => word > Most
NeverReleased  == released = 0

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ word' \in {0, 2, Size} /\ refs' \in {0, 2} /\ released' \in 0..2
  /\ early' \in BOOLEAN /\ uaf' \in BOOLEAN
  /\ UNCHANGED <<pc, leaks, seen>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars

\* Nobody promises to go on: every liveness property must fail.
SpecUnfair == Init /\ [][Next]_vars
=============================================================================
