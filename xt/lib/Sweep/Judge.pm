package Sweep::Judge;

# Whether what the client told is what happened.
#
#   my ($problems, $count) = Sweep::Judge::judge($truth, $told);
#
# $told: see Sweep::LMTPClient. $problems is a list of texts, $count a hash of how many results there are of each kind.
#
# - Each recipient has one result.
# - A success was given to that recipient, in full, of the message as it was sent. So was a refusal.
# - Whoever was answered has that answer. It may be withheld where replies behind it were not what a fence must see: then it is a
#   deferral that may have been delivered.
# - A deferral of our own may have been delivered exactly if the message was sent to its end.
#
# A peer that lies can say what nobody can tell from the truth: one reply more or less, and no anchor was asked for. Such a result is
# counted as 'other answer' or 'false success', and must be no success unless the server has the message and said as many of them.
# A refusal that came while content was being sent is taken for an early final reply.

use strict;
use warnings;

sub judge {
    my ($truth, $told) = @_;
    my $self = bless { truth => $truth, told => $told, fault => $truth->{fault}, problems => [], count => {}, doubt => 0 }, __PACKAGE__;
    my $mode = $truth->{mode};
    push @{ $self->{problems} }, @{ $told->{problems} };
    push @{ $self->{problems} }, map { @{ $_->{problems} } } @{ $truth->{sessions} } if !$self->{fault}{lies};
    for my $message (@{ $mode->{messages} }, $told->{probed} ? $mode->{probe} : ()) {
        $self->{message} = $message;
        $self->judge_message($told->{results}{ $message->{name} });
    }
    return ($self->{problems}, $self->{count});
}

sub complain {
    my ($self, $text) = @_;
    push @{ $self->{problems} }, "$self->{message}{name}: $text";
    return;
}

sub counted { $_[0]{count}{ $_[1] }++ }

sub judge_message {
    my ($self, $results) = @_;
    my ($truth, $message) = @{$self}{qw(truth message)};
    my $name = $message->{name};
    my $to = $message->{to};
    return $self->complain('no results') if !$results;
    return $self->complain(@$results . ' results') if !$self->may_be_so_many(scalar @$results);

    my $there = $truth->message($name);
    $self->complain('what the server has is not what was sent')
        if $there and $there->{ended} and $there->{body} ne $message->{wire} and !$self->{fault}{lies};
    $self->complain('the server has it twice') if $truth->times_ended($name) > 1;
    $self->{sent} = $truth->sent($message);
    $self->judge_result($_, $results->[$_]) for 0 .. $#$results;
    $self->compare_successes($there, @$results);
    # What is behind it may be withheld with it, as long as no anchor came.
    my $last = $truth->said("final $name $#$to");
    $self->{doubt} = 1 if $last and $truth->{mode}{fenced} and !$truth->anchored($last);
    return;
}

# The old calls have results only of what could be asked for: the link may have been lost before.
sub may_be_so_many {
    my ($self, $count) = @_;
    my ($message, $told) = @{$self}{qw(message told)};
    my $due = @{ $message->{to} };
    return 1 if $count == $due;
    my $least = $told->{least}{ $message->{name} };
    return defined $least && !$self->{fault}{exact} && $count >= $least && $count < $due;
}

# Whoever was told so, or by the liar's extra. QMTP has no anchor: behind a lie answers may belong to other packages.
sub compare_successes {
    my ($self, $there, @results) = @_;
    my $successes = grep { $_->is_success } @results or return;
    $self->complain('a success, and the server does not have the message') if !$there or !$there->{ended};
    $self->complain('a success of other content') if $there and $there->{body} ne $self->{message}{wire};
    my $name = $self->{truth}{mode}{protocol} eq 'qmtp' && $self->{fault}{lies} ? 'm[0-9]' : $self->{message}{name};
    my $said = grep { $_->{point} =~ /\Afinal $name / && $_->{code} == 250 } @{ $self->{truth}{said} };
    $self->complain("$successes successes, and $said were said") if $successes > $said + ($self->{fault}{positive} || 0);
    return;
}

# ---------------------------------------------------------------- one result

sub judge_result {
    my ($self, $i, $result) = @_;
    my $name = $self->{message}{name};
    $self->{who} = "recipient $i, " . $result->as_string . ($result->maybe_delivered ? ' [maybe]' : '');
    $self->wrong('is at ' . $result->index) if $result->index != $i;
    $self->wrong('is of another') if $result->recipient ne "$self->{message}{to}[$i]\@x";
    my $answer = $self->{truth}->answer($name, $i);
    if    (is_the_answer($result, $answer, "$name r$i")) { $self->judge_answered($result, $answer) }
    elsif ($self->is_ours($result))                     { $self->judge_ours($result, $answer) }
    else                                                { $self->judge_false($result, $answer) }
    return;
}

sub wrong { $_[0]->complain("$_[0]{who}: $_[1]") }

# The words are the recipient's own. Where something was written into the reply the code's first digit must do.
sub is_the_answer {
    my ($result, $answer, $place) = @_;
    return 0 if !$answer;
    return 1 if $answer->{blurred} and substr($result->code, 0, 1) eq substr($answer->{code}, 0, 1) and !$result->maybe_delivered;
    return $answer->{full} && $result->code == $answer->{code} && $result->message =~ /(?:\A| )\Q$place\E(?: |\z)/;
}

my %our_code = (lmtp => 421, qmtp => 450);

sub is_ours {
    my ($self, $result) = @_;
    return $result->code == $our_code{ $self->{truth}{mode}{protocol} } && $result->message !~ /\bm[0-9] r[0-9](?: |\z)/;
}

sub judge_answered {
    my ($self, $result, $answer) = @_;
    $self->counted($answer->{blurred} ? 'blurred' : $result->status eq 'success' ? 'success' : 'refusal');
    $self->wrong('was answered') if $result->maybe_delivered;
    my $stage = $answer->{point} =~ /\Arcpt/ ? 'rcpt' : 'final';
    $self->wrong("is of stage $stage") if $result->stage ne $stage;
    return;
}

# Nobody said that.
sub judge_false {
    my ($self, $result, $answer) = @_;
    $self->counted($result->is_success ? 'false success' : 'other answer');
    my $fault = $self->{fault};
    return $self->wrong('was not said') if !$fault->{lies};
    return $self->wrong('was said before the fault, and not so') if $answer and $answer->{full} and $answer->{before};
    return if !$self->{truth}{mode}{fenced};
    $self->wrong('was not said, and the next anchor must have shown that') if $result->stage =~ /mail|rcpt/ or
        $result->is_success && $self->{truth}->anchor_asked($self->{message});
    return;
}

# Ours: nobody answered, or the answer is not believed.
sub judge_ours {
    my ($self, $result, $answer) = @_;
    my $maybe = $result->maybe_delivered;
    $self->counted($maybe ? 'deferral, maybe' : 'deferral');
    $self->{told}{lost} = 1 if $self->{message} != $self->{truth}{mode}{probe};
    $self->wrong('was told otherwise: ' . $answer->{point}) if $answer and $answer->{full} and !$self->may_withhold($answer);
    $self->wrong('is of another stage') if $maybe and $result->stage ne 'final';
    my $sent = $self->{sent};
    return if !defined $sent;
    $self->wrong('was not sent to its end') if $maybe and !$sent;
    $self->wrong('was sent to its end') if !$maybe and $sent and !$self->took_farewell;
    return;
}

# The rule of the fence.
sub may_withhold {
    my ($self, $answer) = @_;
    my ($truth, $fault) = @{$self}{qw(truth fault)};
    return 1 if $fault->{lies} and !$answer->{apart};
    return 1 if $fault->{lies} and $answer->{point} =~ /\Arcpt/ and !$truth->anchored($answer) and $truth->{mode}{style} =~ /deliver|submit/;
    # A wait that runs out inside a group: what came may be one reply out of place.
    return 1 if $fault->{waits} and $answer->{point} =~ /\Arcpt/ and $truth->{mode}{grouped} and !$truth->anchored($answer);
    return 0 if !$truth->{mode}{fenced} or $truth->anchored($answer);
    # A link that ends in front of the fence leaves what was answered behind a 354, if nobody was refused. Silence may hide one
    # reply too few.
    my $refused = grep { $_ eq 'no' } @{ $self->{message}{to} };
    return 0 if !$fault->{lies} and !$fault->{waits} and !$refused and $answer->{point} =~ /\Afinal/ and $truth->fenced_alone($self->{message});
    return $self->{doubt} || $answer->{point} =~ /\Afinal/ && $truth->followed($self->{message});
}

# 421 answers one message; it is over then.
sub took_farewell {
    my ($self) = @_;
    return $self->{fault}{parts} && !$self->{farewell}++;
}

1;
