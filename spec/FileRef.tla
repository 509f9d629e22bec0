---------------------------- MODULE FileRef ----------------------------
(* file_ref_t in type-stable memory: the dead zone, and a slot that is used
   again at once.

   The word counts from zero; a put that brings it below zero finds NoRef
   and tries to kill it. Whoever kills it releases the object in the slot
   and, the first time, opens the next one in the same slot: writes its
   fields, then the count, last. Stale lookups come at any time.

   Fix: "merged"   what the kernel has
        "draft"    the first posting: a get that fails looks again and
                   stores Dead; by then the slot may hold the next object
        "zeroing"  an allocator that zeroes the word, and zero means one
                   reference, before the fields are written

     1  closer: put -> NoRef, kill, release
     2  lookup: get fails; it saw the dead zone   ("draft")
     3  closer: opens the next object: count := one reference
     4  lookup: stores Dead: the next object will never be released

   Code: impl/lifetimes/src/counts/file_ref.rs *)
EXTENDS Integers

CONSTANTS Fix, Lookups

ASSUME Fix \in {"merged", "draft", "zeroing"}
ASSUME Lookups \subseteq {"lookup", "lookup2"}

OneRef == 0
NoRef  == -1
Dead   == -8        \* in the middle of the dead zone, -16..-2

(*
--algorithm FileRef {
variables
  word     = OneRef;
  \* ghosts
  object   = 1;                         \* which object the slot holds, or held last
  live     = TRUE;                      \* between init and release
  released = [o \in 1..2 |-> 0];
  early    = FALSE;                     \* a kill released a later object than the put was of

macro release() {
  released[object] := released[object] + 1;
  live             := FALSE;
}

macro init() {
  word := OneRef;
  live := TRUE;
}

fair process (closer \in {"closer"})
variables of = 1;                       \* the object that this thread's reference is to
{
close_put:
  word := word - 1;
  if (word >= 0) { goto Done }
  else { if (word # NoRef) { goto close_put_misuse } };
close_kill:
  if (word = NoRef) { word := Dead; early := early \/ object # of } else { goto Done };
close_release:
  release();
  if (object = 2) { goto Done }
  else { if (Fix # "zeroing") { goto close_write } };
close_zero:
  word := OneRef;
close_write:
  object := 2;
  of     := 2;
close_init:
  init();
  goto close_put;
close_put_misuse:                       \* more puts than gets
  word := Dead;
}

fair process (lookup \in Lookups)
variables got = 1;                      \* likewise
{
look_get:
  word := word + 1;
  if (word >= 0) { got := object; goto look_use }
  else { if (Fix # "draft") { goto Done } };
look_slow_read:
  if (word >= 0) { got := object; goto look_use };
look_slow_store:
  word := Dead;
  goto Done;
look_use:
  skip;
look_put:
  word := word - 1;
  if (word >= 0) { goto Done }
  else { if (word # NoRef) { goto look_put_misuse } };
look_kill:
  if (word = NoRef) { word := Dead; early := early \/ object # got } else { goto Done };
look_release:
  release();
  if (object = 2) { goto Done }
  else { if (Fix # "zeroing") { goto look_write } };
look_zero:
  word := OneRef;
look_write:
  object := 2;
  got    := 2;
look_init:
  init();
  goto look_put;
look_put_misuse:
  word := Dead;
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == {"closer"} \cup Lookups

Owning == {"close_release", "close_zero", "close_write", "close_init",
           "look_release", "look_zero", "look_write", "look_init"}

TypeOK ==
  /\ word \in -16..4
  /\ object \in 1..2 /\ live \in BOOLEAN /\ early \in BOOLEAN
  /\ released \in [1..2 -> 0..2]

\* Every object is released once at the most.
ReleasedOnce == \A o \in 1..2 : released[o] <= 1

\* Who got a reference holds a live object: not a released one, not one under construction.
HeldIsLive == \A t \in Lookups : pc[t] = "look_use" => live

\* One thread at a time has a dead slot to itself.
OneOwner == \A s, t \in Threads : pc[s] \in Owning /\ pc[t] \in Owning => s = t

\* A dead word is not used for a live object.
LiveIsCounted ==
  live => word >= NoRef \/ \E t \in Threads : pc[t] \in {"close_release", "look_release"}

NothingLeft == (\A t \in Threads : pc[t] = "Done") => released = <<1, 1>>

\* Witnesses: these must fail.
NeverEarlyWinner == ~early
NeverRefused     == \A t \in Lookups : ~(pc[t] = "Done" /\ released = <<0, 0>>)

AllReleased == <>(released = <<1, 1>>)

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ word' \in {NoRef, OneRef, 99} /\ released' \in {<<0, 0>>, <<2, 2>>}
  /\ UNCHANGED <<pc, object, live, early, of, got>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars

\* Nobody promises to go on: every liveness property must fail.
SpecUnfair == Init /\ [][Next]_vars
=============================================================================
