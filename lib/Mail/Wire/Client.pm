package Mail::Wire::Client;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Mail::Wire ();
use Mail::Wire::Delivery ();
use Mail::Wire::Source ();
use Scalar::Util qw(looks_like_number);

our @CARP_NOT = ('Net::LMTP', 'Net::QMTP', 'Mail::Wire::Deliveries', 'Mail::Wire::Packages');

# deliver, submit, collect and what event loops need: what Net::LMTP and Net::QMTP have in common. Each class brings
#
#   _facts              a reference to a hash of its own; `jobs`, `calling` and `nonblocking` in it are used here
#   _job                the caller's arguments, checked: a reference to a hash with `progress`, `shown` and `total` in it
#   _launch             reads what must be read of the content, hands a job over, returns its id, which the glue puts into the job at the
#                       same time; notes the job in _jobs if it is needed later
#   _run                moves bytes; arguments and values below
#   _unanswered  _oldest  _sent  in_flight  _timeout_in
#   _feed               what WANTS asks for
#   _relink             what UNLINKED asks for; false: that would have to wait
#   _callback_died      the caller's code for delivery `calling` died, or its content cannot be read, and why
#   _interrupted        deliver died during its wait for this delivery
#   _take               a delivery's results, which are noted for `results` at the same time
#   _delivered          notes the results of a delivery for `results`
#   _noted              they were: what else there is to do
#   _is_taken           true while results are another's to show
#   _deferrals_for      results for these addresses

# What _run runs for (UNTIL_DONE ..) and what it says (REACHED ..) are constants that the glue makes: xs/running.h has them.

# Turns of the caller's code in a call that must not wait, before others have theirs.
use constant TURNS_MAX => 16;

# ---------------------------------------------------------------- arguments

sub _pairs {
    my ($method, @arguments) = @_;
    croak "$method: an odd number of arguments, where names and values are due" if @arguments % 2;
    return @arguments;
}

# Takes what all jobs have out of the arguments.
sub _common {
    my ($method, $arg) = @_;
    my ($from, $to, $data, $file, $deadline, $progress) = delete @{$arg}{qw(From To Data File Deadline Progress)};
    croak "$method: To must be a reference to a list of one recipient or more" if ref $to ne 'ARRAY' or not @$to;
    $to = _copied($to);
    croak "$method: Progress must be a reference to code" if defined $progress and ref $progress ne 'CODE';
    croak "$method: Deadline must be a number of seconds above 0, not '$deadline'"
        if defined $deadline and not(looks_like_number($deadline) and $deadline > 0);
    return {
        id       => 0,
        from     => $from,
        to       => $to,
        data     => $data,
        file     => $file,
        deadline => $deadline || 0,
        since    => Mail::Wire::_now(),
        progress => $progress,
        shown    => -1,
    };
}

# A list as it is now, its lists as well. What gives an address may change the list that it is in; one element at a time, as
# perl's stack does not hold on to what it has of a list.
sub _copied {
    my ($list, $inner) = @_;
    my @copy;
    for (my $i = 0; $i < @$list; $i++) {
        my $entry = $list->[$i];
        push @copy, ref $entry eq 'ARRAY' && !$inner ? _copied($entry, 1) : $entry;
    }
    return \@copy;
}

# Seconds that are left of a job's Deadline, which counts from the call on: 0 when it has none, a moment when it has passed.
sub _left {
    my ($job) = @_;
    return 0 if not $job->{deadline};
    my $left = $job->{since} + $job->{deadline} - Mail::Wire::_now();
    return $left > 0 ? $left : 1e-9;
}

# ---------------------------------------------------------------- running

sub _jobs { $_[0]->_facts->{jobs} ||= {} }

# A job that is being handed over is among the others from before it has its id: whatever dies in between, who asks for its content
# finds it.
use constant LAUNCHING => 'launching';

sub _launching {
    my ($self, $job) = @_;
    $self->_jobs->{ +LAUNCHING } = $job;
    return;
}

sub _launched {
    my ($self) = @_;
    my $jobs = $self->_jobs;
    my $job = $jobs->{ +LAUNCHING } or return;
    $jobs->{ $job->{id} } = $job if $job->{id} and ($job->{progress} or $job->{is_pulled});
    delete $jobs->{ +LAUNCHING };
    return;
}

sub _show_progress {
    my ($self) = @_;
    my $jobs = $self->_jobs;
    foreach my $id (sort { $a <=> $b } grep { $_ ne LAUNCHING and $jobs->{$_}{progress} } keys %$jobs) {
        my ($job, $sent) = ($jobs->{$id}, $self->_sent($id));
        next if $sent <= $job->{shown};
        $job->{shown} = $sent;
        $self->_facts->{calling} = $id;
        $job->{progress}->($sent, $job->{total});
    }
    return;
}

# Whether the code came to its end, and what it died of; $@ stays what it was.
sub _try {
    my ($code) = @_;
    local $@;
    my $ok = eval { $code->(); 1 };
    return ($ok, $@);
}

# For classes that show what is said.
sub _is_shown   { 0 }
sub _show_lines { }

# The caller's code has its turn: to give the next piece, or to see the progress.
sub _call_back {
    my ($self, $method) = @_;
    my $facts = $self->_facts;
    local @{$facts}{qw(in_callback calling)} = (1, 0);
    my ($ok, $error) = _try(sub { $self->$method });
    return if $ok;
    my $why = Mail::Wire::Source::fault($error);
    $self->_callback_died($facts->{calling}, $why) if $facts->{calling};
    die $error if not defined $why;
}

# Runs until what is asked for is reached (true), or would have to be waited for.
sub _go {
    my ($self, $until, $id, $may_wait) = @_;
    $self->_croak_in_callback;
    $self->_launched;
    my $jobs = $self->_jobs;
    my $watched = $self->_is_shown || (%$jobs ? grep { $_->{progress} } values %$jobs : 0);
    my $turns = 0;
    while (1) {
        my $said = $self->_run($until, $id, $may_wait, $watched ? 1 : 0);
        $self->_show_lines;
        if ($said == UNLINKED) {
            $self->_relink or return 0;
            next;
        }
        $self->_call_back($said == WANTS ? '_feed' : '_show_progress') if $said == WANTS or $watched;
        return $said == REACHED if $said == REACHED or $said == BLOCKED;
        return 0 if not $may_wait and ++$turns >= TURNS_MAX and $self->wants_write;
    }
}

sub _results_of {
    my ($self, $id) = @_;
    delete $self->_jobs->{$id};
    my $results = $self->_take($id) or return;
    $self->_noted($results);
    return $results;
}

# ---------------------------------------------------------------- the methods

sub deliver {
    my ($self, @arguments) = @_;
    croak 'deliver would have to wait: this object was made with Blocking => 0' if $self->_facts->{nonblocking};
    my $job = { id => 0 };
    my $results = $self->_own($job, sub {
        %$job = %{ $self->_job(deliver => @arguments) };
        $self->_launch($job);
    }, \@arguments);
    return wantarray ? @$results : $results;
}

# How often what a die left behind is put in order, when that is interrupted as well.
use constant TRIES => 3;

# Has a delivery handed over by the code, which puts its id into the job, and waits for it. Whatever dies at whatever moment, a
# signal's handler as well: the delivery is this call's from its first moment, and afterwards nothing of it is in flight, and
# `results` are its own.
sub _own {
    my ($self, $job, $launch, $arguments) = @_;
    my $results;
    my ($ok, $error) = _try(sub {
        $launch->();
        # The caller's code that runs meanwhile must not collect it.
        local $self->_facts->{awaited}{ $job->{id} } = 1;
        $self->_go(UNTIL_DONE, $job->{id}, 1);
        $results = $self->_results_of($job->{id});
    });
    return $results if $ok;
    foreach (1 .. TRIES) {
        last if (_try(sub { $self->_disown($job, $arguments) }))[0];
    }
    die $error;
}

sub _disown {
    my ($self, $job, $arguments) = @_;
    my $id = $job->{id};
    if ($id) {
        $self->_interrupted($id);
        $self->_results_of($id);
    }
    else {
        $self->_undelivered($arguments);
    }
    return;
}

# Nothing was handed over, and the results of what was delivered before are not those of this call.
sub _undelivered {
    my ($self, $arguments) = @_;
    return if $self->_is_taken or @$arguments % 2;
    my %arg = @$arguments;
    return if ref $arg{To} ne 'ARRAY';
    my @to = map { ref eq 'ARRAY' ? $_->[0] : $_ } @{ $arg{To} };
    my @shown = map { not(defined $_) ? '' : ref $_ ? 'an object' : "$_" } @to;
    $self->_delivered($self->_deferrals_for(\@shown, 'the message was not sent'));
    return;
}

sub submit {
    my ($self, @arguments) = @_;
    my $job = $self->_job(submit => @arguments);
    $self->_go(UNTIL_ROOM, $job->{total} || 0, !$self->_facts->{nonblocking}) or return;
    my $id = $self->_launch($job);
    $self->_submitted;
    return $id;
}

# Sends what must not be held back.
sub _submitted { $_[0]->_go(UNTIL_QUEUED, 0, 0) }

sub _croak_in_callback {
    my ($self) = @_;
    croak ref($self) . ': called from the code of Data or Progress of the same object' if $self->_facts->{in_callback};
    return;
}

# For collect: waits, if that may be, for the oldest delivery. Its id once it is finished, else 0. The glue takes it.
sub _ripe {
    my ($self) = @_;
    $self->_croak_in_callback;
    my $id = $self->_oldest or return 0;
    croak 'collect: another call on the same object, deliver, is waiting for this one' if $self->_facts->{awaited}{$id};
    $self->_go(UNTIL_DONE, $id, !$self->_facts->{nonblocking}) or return 0;
    delete $self->_jobs->{$id};
    # What came meanwhile may die now, and not with the delivery in its hands.
    Mail::Wire::_run_handlers();
    return $id;
}

# True when everything that was submitted has its results, which stay collectable.
sub finish {
    my ($self) = @_;
    $self->_croak_in_callback;
    return 1 if not $self->_unanswered;
    croak 'finish would have to wait: this object was made with Blocking => 0' if $self->_facts->{nonblocking};
    $self->_go(UNTIL_IDLE, 0, 1);
    return $self->_unanswered ? 0 : 1;
}

# For DESTROY: an object that goes takes what it was given with it.
sub _warn_of_orphans {
    my ($self, $count) = @_;
    return if not $count;
    my $what = $count == 1 ? '1 submitted message was' : "$count submitted messages were";
    warn +(ref $self || $self) . ": $what unanswered when the object went: call collect, finish or quit before\n";
    return;
}

sub advance {
    my ($self) = @_;
    $self->_croak_in_callback;
    $self->_go(UNTIL_BLOCKED, 0, 0) if $self->_unanswered;
    return $self->_unanswered;
}

sub wants_read { $_[0]->_unanswered > 0 }

sub timeout_in {
    my ($self) = @_;
    my $seconds = $self->_timeout_in;
    return $seconds < 0 ? undef : $seconds;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Client - what Net::LMTP and Net::QMTP have in common for deliveries

=head1 DESCRIPTION

Internal to Mail-Wire: the methods C<deliver>, C<submit>, C<collect> and those for event loops, as far as
they are the same for both protocols. They are described with each class.
It may change in any release.

=head1 SEE ALSO

L<Net::LMTP>, L<Net::QMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
