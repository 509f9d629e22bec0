---------------------------- MODULE Count ----------------------------
(* A count, a list that holds no reference, and lookups through it.

   The owner drops the last reference, takes the object off the list and
   releases it; lookups find it on the list meanwhile.

     1  owner: put, 1 -> 0, on its way to take the object off the list
     2  lookup: the object is still on the list
     3  lookup: get_file, 0 -> 1
     4  owner: off the list, release
     5  lookup: uses what was released; put, 1 -> 0: releases it again

   Get: "inc"           get_file: adds without looking
        "inc_not_zero"  a load and a compare-exchange, never from zero

   Code: impl/graceref/src/count/cas.rs,
         impl/lifetimes/src/counts/atomic_long.rs *)
EXTENDS Integers, FiniteSets

CONSTANTS Get, Lookups

ASSUME Get \in {"inc", "inc_not_zero"}
ASSUME Lookups \subseteq {"lookup", "lookup2"}

(*
--algorithm Count {
variables
  count    = 1;                 \* the owner's reference
  listed   = TRUE;
  \* ghosts
  died     = FALSE;             \* the count has been gone
  released = 0;
  freed    = FALSE;

fair process (owner \in {"owner"})
{
own_put:
  died  := died \/ count = 1;
  count := count - 1;
  if (count # 0) { goto Done };
own_unlist:
  listed := FALSE;
own_release:
  released := released + 1;
own_free:
  freed := TRUE;
}

fair process (lookup \in Lookups)
variables seen = 0;
{
look_find:
  if (~listed) { goto Done }
  else { if (Get = "inc_not_zero") { goto look_get_load } };
look_get:
  count := count + 1;
  goto look_use;
look_get_load:
  seen := count;
  if (seen = 0) { goto Done };
look_get_cas:
  if (count = seen) { count := seen + 1 } else { goto look_get_load };
look_use:
  skip;
look_put:
  died  := died \/ count = 1;
  count := count - 1;
  if (count # 0) { goto Done };
look_unlist:
  listed := FALSE;
look_release:
  released := released + 1;
look_free:
  freed := TRUE;
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == {"owner"} \cup Lookups

Holders == {t \in Threads : pc[t] \in {"own_put", "look_use", "look_put"}}

TypeOK ==
  /\ count \in 0..3 /\ listed \in BOOLEAN
  /\ died \in BOOLEAN /\ released \in 0..3 /\ freed \in BOOLEAN

CountIsRefs == count = Cardinality(Holders)

\* A count that was gone stays gone.
NoResurrect == died => count = 0

ReleasedOnce == released <= 1

\* Who holds a reference holds a live object.
HeldIsLive == Holders # {} => released = 0

NothingLeft == (\A t \in Threads : pc[t] = "Done") => count = 0 /\ released = 1 /\ freed

\* Witnesses: these must fail.
NeverRefused    == \A t \in Lookups : ~(pc[t] = "Done" /\ listed /\ count = 0)
NeverLastLookup == \A t \in Lookups : pc[t] # "look_release"

\* Liveness.
Released == <>(released = 1 /\ freed)

Life == INSTANCE FileLife WITH life <-
  IF freed THEN "freed"
  ELSE IF released > 0 THEN "released"
  ELSE IF count = 0 THEN "dying"
  ELSE "open"

RefinesFileLife == Life!Spec

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ count' \in {0, 1, 9} /\ released' \in {0, 2} /\ died' \in BOOLEAN
  /\ UNCHANGED <<pc, listed, freed, seen>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars

\* Nobody promises to go on: every liveness property must fail.
SpecUnfair == Init /\ [][Next]_vars
=============================================================================
