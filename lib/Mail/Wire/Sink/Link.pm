package Mail::Wire::Sink::Link;

# What the sessions of both protocols share.  A session eats octets by feed()
# and leaves what it says in out(); it touches no socket.

use strict;
use warnings;
use re 'taint';

use Mail::Wire::Sink::Body   ();
use Mail::Wire::Sink::Output ();

our $VERSION = '1.000';

# script:     a Mail::Wire::Sink::Script
# link:       the link's number
# on_message: called with each message's record, before its replies are queued
# on_command: called with each command line
sub new {
    my ($class, %arg) = @_;
    my $script = $arg{script}->for_link($arg{link} || 1);
    my $place  = $script->fault('close_at') || {};
    my $self   = bless {
        on_message => sub { }, on_command => sub { }, link => 1,
        %arg, script => $script,
        in => '', received => 0, emitted => {}, messages => 0,
        early => $script->fault('early'),
    }, $class;
    $self->{out} = Mail::Wire::Sink::Output->new(
        limit       => $place->{out},
        how         => $script->end_how,
        write_size  => $script->fault('write_size'),
        write_delay => $script->fault('write_delay'),
    );
    return $self;
}

sub out    { return $_[0]{out} }
sub script { return $_[0]{script} }

# Is it to go on in TLS, when all that is owed is written?
sub wants_tls { return 0 }
sub end    { my ($self, $how) = @_; return $self->{out}->end($how || $self->{script}->end_how) }

sub start {
    my ($self) = @_;
    $self->{out}->add('');    # a limit of 0 octets ends the link here
    $self->_reach(0);
    $self->greet if !$self->{out}->ended;
    return;
}

# Octets behind a scripted end are never looked at.
sub feed {
    my ($self, $octets) = @_;
    while (length $octets && !$self->{out}->ended) {
        my $piece = substr $octets, 0, $self->_stretch(length $octets), '';
        $self->{received} += length $piece;
        $self->{in} .= $piece;
        1 while !$self->{out}->ended && $self->step;
        $self->_reach($self->{received});
    }
    return;
}

# How many of $length octets may be taken before something scripted is due.
sub _stretch {
    my ($self, $length) = @_;
    my $place = $self->{script}->fault('close_at') || {};
    for my $mark ($place->{in}, $self->{early} && $self->{early}{in}) {
        next if !defined $mark;
        my $left = $mark - $self->{received};
        $length = $left if $left > 0 && $left < $length;
    }
    return $length;
}

sub _reach {
    my ($self, $received) = @_;
    my $early = $self->{early};
    if ($early && $received >= $early->{in}) {
        $self->{early} = undef;
        $self->{out}->add($early->{send});
        $self->end if $early->{close};
    }
    my $place = $self->{script}->fault('close_at') || {};
    $self->end if defined $place->{in} && $received >= $place->{in};
    return;
}

# Every reply passes here, so that delays, garbage and closes by stage are in
# one place.
sub emit {
    my ($self, $stage, $octets) = @_;
    my $script = $self->{script};
    my $before = $self->{emitted}{$stage}++;
    my $close  = $script->fault('close_at');
    $self->{out}->pause($script->delay($stage));
    return $self->end if _is_here($close, $stage, $before);
    my $garbage = $script->fault('garbage');
    $octets = "$garbage->{line}\r\n" if _is_here($garbage, $stage, $before);
    $self->{out}->add($octets);
    $self->end if _is_here($close, $stage, $before + 1);
    return;
}

# What a client's probe is answered: the test that counts replies knows nothing
# of it.
sub emit_uncounted {
    my ($self, $stage, $octets) = @_;
    $self->{out}->pause($self->{script}->delay($stage));
    $self->{out}->add($octets);
    return;
}

# Is a fault of a stage due where $count replies of that stage are out?
sub _is_here {
    my ($fault, $stage, $count) = @_;
    return $fault && defined $fault->{stage} && $fault->{stage} eq $stage
        && ($fault->{after} || 0) == $count;
}

# Who takes messages as they come has no room for more than may be taken.
sub new_body {
    my ($self) = @_;
    my $script = $self->{script};
    return Mail::Wire::Sink::Body->new($script->discard, $script->backlog ? $script->size : 0);
}

# False where it can't be stored: nobody is told then that it was accepted.
sub store {
    my ($self, $message) = @_;
    my $store = $self->{script}->store or return 1;
    local ($@, $_);
    return 1 if eval { $message->{stored} = $store->($message); 1 };
    $self->{script}->failed("store: $@");
    return 0;
}

# Keeps a message; after close_after of them the link ends, when the replies
# that are queued now are out.
sub keep {
    my ($self, $message) = @_;
    $self->{messages}++;
    $self->{on_message}->($message);
    return;
}

sub end_if_enough {
    my ($self) = @_;
    my $most = $self->{script}->fault('close_after');
    $self->end if $most && $self->{messages} >= $most;
    return;
}

# Final replies of one message, less the missing ones, with the extra ones.
sub emit_finals {
    my ($self, $extra, @finals) = @_;
    my $script  = $self->{script};
    my $missing = $script->fault('missing') || 0;
    splice @finals, $missing < @finals ? -$missing : 0 if $missing;
    push @finals, ($extra) x ($script->fault('extra') || 0);
    $self->emit('final', $_) for @finals;
    $self->end_if_enough;
    return;
}

1;
