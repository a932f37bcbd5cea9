"""The views of a room: where a stream is shown, who speaks, and views that change at work. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from actors.streams.mixing import Mixing, same_formats
from actors.streams.outcome import NOTHING, Outcome
from actors.streams.publishing import KINDS
from actors.streams.tables import ConferenceTables
from actors.words.conference_refusals import TargetUnsatisfying
from actors.words.facts import StreamAdded, StreamChanged, StreamRemoved
from actors.words.rooms import ConferenceRules
from actors.words.streams import SessionEnd, SourceChange


@dataclass(slots=True)
class ConferenceViews(ConferenceTables):
    """The rules of views; `rules.Conference` has all others."""

    def own_region(self, by: str, stream: str, label: str) -> str:
        """Return the region in which a member's own stream is shown.

        Raises StreamUnknown, NotAllowed, ViewUnknown, StreamNotInView.
        """
        self._own_publication(by, stream)
        _, view = self.mixing.required(label)
        return view.region_of(stream)

    def set_own_region(self, by: str, stream: str, label: str, region: str) -> Outcome:
        """Raises StreamUnknown, NotAllowed, ViewUnknown, StreamNotInView, RegionUnknown."""
        self._own_publication(by, stream)
        id_, view = self.mixing.required(label)
        view.set_region(stream, region)
        return self._mixed_anew(id_)

    def speak(self, mix: str, stream: str | None, now: float) -> Outcome:
        """Note who is heard most in a view, None for nobody."""
        self.mixing.views[mix].speak(stream, now)
        return self._mixed_anew(mix)

    def move(self, mix: str, now: float) -> Outcome:
        """Bring who speaks into the first region of a view, if that is due."""
        moved = self.mixing.views[mix].move(now)
        return self._mixed_anew(mix) if moved else NOTHING

    # --- views that change at work

    def follow(self, rules: ConferenceRules) -> Outcome:
        """Go by these rules, which differ in their views.

        Who takes of a view that is gone loses its source. Of one that stays, takers have what they
        want of it as it is now; who cannot, loses its source, too. But calls, which could not ask
        for another one, are turned to a view that there is then.
        """
        before, after = dict(self.mixing.streams), Mixing.of(rules.mixes, rules.outputs)
        outcome, lost, calls = NOTHING, set[str](), dict[str, None]()
        for id_, mixed in before.items():
            if id_ not in after.streams or not same_formats(mixed, after.streams[id_]):
                del self.mixing.streams[id_]
                lost.add(id_)
                mine = [it for it in self.takers.of_stream(id_) if it in self.call_of]
                calls |= dict.fromkeys(mine)
                for output in mine:
                    self.takers.drop(output)
                outcome += self._lose(id_) + Outcome(self._announced(StreamRemoved(id_)))
        self.rules = rules
        outcome += self._leave_views()
        stay = frozenset(self.mixing.streams)
        self.mixing.become(after, self.streams)
        self.takers.mixed = frozenset(self.mixing.streams)
        for id_, mixed in self.mixing.streams.items():
            self.takers.stale[id_] = None
            if id_ not in stay:
                outcome += Outcome(self._announced(StreamAdded(mixed)))
            elif mixed != before[id_]:
                outcome += Outcome(self._announced(StreamChanged(mixed, ".")))
                outcome += self._fit_anew(id_)
        for output in calls:
            outcome += self._turn_to_view(output, lost, self.call_view(), *KINDS)
        return outcome

    def _leave_views(self) -> Outcome:
        """Have no stream be in a view that there is not."""
        outcome = NOTHING
        for id_, stream in self.streams.items():
            labels = tuple(label for label in stream.in_views if label in self.rules.views)
            if labels != stream.in_views:
                self.streams[id_] = changed = replace(stream, in_views=labels)
                outcome += Outcome(self._announced(StreamChanged(changed, ".")))
        return outcome

    def _fit_anew(self, mix: str) -> Outcome:
        """Give takers what they want of a view that is not as it was."""
        outcome = NOTHING
        for taker in self.takers.of_stream(mix):
            kinds = [kind for kind, feed in self.takers.feeds[taker].items() if feed.stream == mix]
            table = self._jobs_with(taker) if self.is_job(taker) else self.subscriptions
            for kind in kinds:
                try:
                    output = table[taker].changed(
                        [SourceChange(kind, mix)], self.sources_for(taker)
                    )
                except TargetUnsatisfying:
                    if taker in self.call_of:
                        outcome += self._turn_to_view(taker, (mix,), self.call_view(mix), kind)
                        if taker not in self.subscriptions:
                            break
                        continue
                    if table is self.subscriptions:
                        outcome += self._end_subscription(taker, SessionEnd.SOURCE_LOST)
                        break
                    outcome += self._take_less(taker, kind)
                else:
                    self._take(table, output)
                    outcome += Outcome(rewired=(taker,))
        return outcome
