---------------------------- MODULE Rcuref ----------------------------
(* rcuref_put's slow path: which count it judges by.

   Fix: "2023"  the slow path reads the count again after the decrement
        "2025"  it uses the value that the decrement returned

     1  dropper: put, the last: the count is NoRef; about to read it again
     2  getter: get, NoRef + 1, a valid reference
     3  getter: put, NoRef; kill: Dead; the object is released
     4  dropper: reads Dead: "imbalanced put()", and there was none

   Code: impl/lifetimes/src/counts/rcuref.rs *)
EXTENDS Integers

CONSTANT Fix

ASSUME Fix \in {"2023", "2025"}

OneRef == 0
NoRef  == -1
Dead   == -8

(*
--algorithm Rcuref {
variables
  word     = OneRef;
  \* ghosts
  released = 0;
  warned   = FALSE;

macro warn() {
  word   := Dead;
  warned := TRUE;
}

fair process (dropper \in {"dropper"})
variables after = 0;
{
drop_put:
  word  := word - 1;
  after := word;
  if (after >= 0) { goto Done }
  else { if (Fix = "2025") { if (after = NoRef) { goto drop_kill } else { goto drop_warn } } };
drop_reread:
  after := word;
  if (after >= 0) { goto Done }
  else { if (after # NoRef) { goto drop_warn } };
drop_kill:
  if (word = NoRef) { word := Dead; released := released + 1 };
  goto Done;
drop_warn:
  warn();
}

fair process (getter \in {"getter"})
variables left = 0; seen = 0;
{
get_get:
  word := word + 1;
  if (word >= 0) { goto get_put };
get_slow_read:
  seen := word;
  if (seen >= 0) { goto get_put };
get_slow_store:
  word := Dead;
  goto Done;
get_put:
  word := word - 1;
  left := word;
  if (left >= 0) { goto Done }
  else { if (Fix = "2025") { if (left = NoRef) { goto get_kill } else { goto get_warn } } };
get_reread:
  left := word;
  if (left >= 0) { goto Done }
  else { if (left # NoRef) { goto get_warn } };
get_kill:
  if (word = NoRef) { word := Dead; released := released + 1 };
  goto Done;
get_warn:
  warn();
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
TypeOK == word \in -16..2 /\ released \in 0..2 /\ warned \in BOOLEAN

ReleasedOnce == released <= 1

\* The puts are balanced here: whoever says otherwise is wrong.
NoFalseAlarm == ~warned

NothingLeft == (\A t \in {"dropper", "getter"} : pc[t] = "Done") => released = 1

NeverRefused == ~(pc["getter"] = "get_slow_store")

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ word' \in {NoRef, OneRef, 99} /\ released' \in {0, 2}
  /\ UNCHANGED <<pc, warned, after, left, seen>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars
=============================================================================
