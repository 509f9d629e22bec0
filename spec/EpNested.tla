---------------------------- MODULE EpNested ----------------------------
(* Two EPOLL_CTL_ADDs that make epolls watch each other, or a chain of them; and
   one beside the close of an epoll that is further down.

   An epoll that watches itself, over however many others, would poll itself,
   under its own mutex; and each level of nesting is a level of recursion. So
   EPOLL_CTL_ADD looks down from its target and up from its epoll first, and
   epnested_mutex keeps a second one from adding between look and insert:

     1  first:  EPOLL_CTL_ADD(1, 2): from 2 down nothing leads to 1
     2  second: EPOLL_CTL_ADD(2, 1): from 1 down nothing leads to 2
     3  both insert; ->poll of 1 takes mtx of 1, of 2, of 1

   Nobody counts on an epoll that is watched. A task that goes down to it, or
   polls it, has the mtx of the one above, which its close needs too:

     1  first: looks at 2, which watches 3; gives mtx of 2 back too early
     2  close of 3: takes its item out of 2, and frees 3
     3  first: takes the mtx of 3

   Check: "both"      down from the target and up from the epoll (2025)
          "released"  the same, but each mtx is given back before going down
          "down"      down only, as before: a chain grows at its lower end
          "none"      nothing
   Serial: under epnested_mutex
   Chain: 2 watches 3 already, first adds 1 to 2 and second 3 to 4, which would
          be one level too many; else they add 1 to 2 and 2 to 1
   Tasks: "first", with "second" or with "close", which closes 3

   EP_MAX_NESTS is 2 here, not 4. Both walks go two levels down, enough to meet
   themselves in a circle of two. refs changes in one step: file->f_lock is
   EpRemove's, the walk up beside a close EpWalk's, and Epoll's the pin of what
   is polled.

   Code: impl/lifetimes/src/ep_nested.rs *)
EXTENDS Integers

CONSTANTS Check, Serial, Chain, Tasks

ASSUME Check \in {"both", "released", "down", "none"}
ASSUME Serial \in BOOLEAN /\ Chain \in BOOLEAN
ASSUME Tasks = {"first", "second"} \/ (Chain /\ Tasks = {"first", "close"})

Eps  == 1..4
Max  == 2
From == [first |-> 1, second |-> IF Chain THEN 3 ELSE 2]
To   == [first |-> 2, second |-> IF Chain THEN 4 ELSE 1]

(*
--algorithm EpNested {
variables
  nested  = FALSE;                      \* epnested_mutex
  mtx     = [e \in Eps |-> FALSE];      \* ep->mtx
  watches = [e \in Eps |-> IF Chain /\ e = 2 THEN 3 ELSE 0];    \* ep->rbr: what it watches
  refs    = [e \in Eps |-> IF Chain /\ e = 3 THEN 2 ELSE 0];    \* ep->refs: what watches it
  \* ghosts
  freed   = {};                         \* epolls
  uaf     = {};

macro touch(e) {
  if (e \in freed) { uaf := uaf \cup {e} };
}

macro leave() {
  if (Serial) { goto nested_unlock } else { goto Done };
}

\* After the walk down: the walk up.
macro looked() {
  at := From[self];
  if (depth > Max) { leave() } else { if (Check = "down") { goto mtx_lock } else { goto up_first } };
}

fair process (task \in Tasks \ {"close"})
variables at = 0; next = 0; depth = 1;
{
fd:                                     \* the system call finds its descriptors, and holds both files
  if (~Serial) { if (Check = "none") { goto mtx_lock } else { goto down_lock } };
nested_lock:
  await ~nested;
  nested := TRUE;
  if (Check = "none") { goto mtx_lock };
down_lock:                              \* ep_loop_check_proc of the target
  await ~mtx[To[self]];
  mtx[To[self]] := TRUE;
  next  := watches[To[self]];
  depth := IF next = 0 THEN depth ELSE IF next = From[self] THEN Max + 1 ELSE depth + 1;
  if (next \in {0, From[self]} \/ Check = "released") { goto down_unlock };
down_next_lock:                         \* and of what it watches
  await ~mtx[next];
  mtx[next] := TRUE;
  touch(next);
  if (watches[next] # 0) { depth := depth + 1 };
down_next_unlock:
  mtx[next] := FALSE;
  touch(next);
  if (Check = "released") { looked() };
down_unlock:
  mtx[To[self]] := FALSE;
  if (Check = "released" /\ next \notin {0, From[self]}) { goto down_next_lock } else { looked() };
up_first:                               \* ep_get_upwards_depth_proc: the first item in refs
  next := refs[at];
  if (next = 0) { goto mtx_lock };
up_ep:                                  \* and its epoll
  at    := next;
  depth := depth + 1;
  if (depth > Max) { leave() } else { goto up_first };
mtx_lock:                               \* ep_insert
  await ~mtx[From[self]];
  mtx[From[self]] := TRUE;
tep_lock:                               \* the target's
  await ~mtx[To[self]];
  mtx[To[self]] := TRUE;
attach:                                 \* ep_attach_file
  refs[To[self]] := From[self];
insert:                                 \* ep_rbtree_insert
  watches[From[self]] := To[self];
tep_unlock:
  mtx[To[self]] := FALSE;
poll_lock:                              \* ep_item_poll of the new item
  await ~mtx[To[self]];
  mtx[To[self]] := TRUE;
  at := watches[To[self]];
  if (at = 0) { goto poll_unlock };
poll_next_lock:                         \* and of the item of that one
  await ~mtx[at];
  mtx[at] := TRUE;
  touch(at);
poll_next_unlock:
  mtx[at] := FALSE;
  touch(at);
poll_unlock:
  mtx[To[self]] := FALSE;
mtx_unlock:
  mtx[From[self]] := FALSE;
  leave();
nested_unlock:
  nested := FALSE;
}

\* close(3), the last reference to its file.
fair process (close \in Tasks \cap {"close"})
variables above = 0;
{
close_first:                            \* eventpoll_release_file: the first item in refs
  above := refs[3];
  if (above = 0) { goto close_own_lock };
close_lock:                             \* its epoll's mtx
  await ~mtx[above];
  mtx[above] := TRUE;
close_unlink:                           \* ep_remove_file
  refs[3] := 0;
close_erase:                            \* ep_remove_epi
  watches[above] := 0;
close_unlock:
  mtx[above] := FALSE;
  goto close_first;
close_own_lock:                         \* ->release: ep_clear_and_put; it watches nothing
  await ~mtx[3];
  mtx[3] := TRUE;
close_own_unlock:
  mtx[3] := FALSE;
close_free:                             \* ep_free: kfree_rcu, and the walk down is no reader
  freed := freed \cup {3};
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Adds == Tasks \ {"close"}

RECURSIVE Below(_, _)
\* Levels below an epoll; as many as there are epolls if it watches itself.
Below(e, n) == IF n = 0 \/ watches[e] = 0 THEN 0 ELSE 1 + Below(watches[e], n - 1)

TypeOK ==
  /\ nested \in BOOLEAN /\ mtx \in [Eps -> BOOLEAN]
  /\ watches \in [Eps -> 0..4] /\ refs \in [Eps -> 0..4] /\ depth \in [Adds -> 1..4]
  /\ freed \subseteq {3} /\ uaf \subseteq {3}

\* No epoll watches itself, over however many others.
NoCycle == \A e \in Eps : Below(e, 4) < 4

\* No chain of epolls is longer than allowed.
BoundedDepth == \A e \in Eps : Below(e, 4) <= Max

\* What is in an epoll's tree is on its target's list, but for whoever changes both.
ListsAgree == \A e \in Eps : (watches[e] # 0 /\ ~mtx[e]) => refs[watches[e]] = e

\* Nobody takes the mutex of an epoll that is free, or gives it back.
NoUseAfterFree == uaf = {}

NothingLeft ==
  (\A t \in Tasks : pc[t] = "Done") =>
    /\ ~nested /\ mtx = [e \in Eps |-> FALSE]
    /\ "close" \in Tasks => (3 \in freed /\ watches[2] = 0 /\ refs[3] = 0)

\* Baits and witnesses: these must fail.
NeverAdded    == \A t \in Adds : watches[From[t]] # To[t]
NeverRefused  == ~\E t \in Adds : pc[t] = "Done" /\ watches[From[t]] # To[t]
NeverHeldBack == ~("close" \in Tasks /\ pc["close"] = "close_lock" /\ pc["first"] = "down_next_lock" /\ mtx[2])

\* Liveness.
BothEnd == <>(\A t \in Tasks : pc[t] = "Done")

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ watches' \in {watches, [e \in Eps |-> 5 - e], [e \in Eps |-> 0]}
  /\ mtx' \in {mtx, [e \in Eps |-> TRUE]} /\ depth' \in {depth, [t \in Tasks |-> 99]}
  /\ uaf' \in {uaf, {3}}
  /\ UNCHANGED <<pc, nested, refs, freed, at, next, above>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars

\* Two that wait for each other are an end like any other: what else is there?
SpecStuck == Init /\ [][Next \/ UNCHANGED vars]_vars

\* Nobody promises to go on: every liveness property must fail.
SpecUnfair == Init /\ [][Next]_vars
=============================================================================
