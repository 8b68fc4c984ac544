package Mail::Wire::Client;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Mail::Wire ();
use Mail::Wire::Delivery ();
use Scalar::Util qw(looks_like_number);

our @CARP_NOT = ('Net::LMTP', 'Net::QMTP', 'Mail::Wire::Deliveries', 'Mail::Wire::Packages');

# deliver, submit, collect and what event loops need: what Net::LMTP and Net::QMTP have in common. Each class brings
#
#   _facts              a reference to a hash of its own; `jobs`, `calling` and `nonblocking` in it are used here
#   _job                the caller's arguments, checked: a reference to a hash with `progress`, `shown` and `total` in it
#   _launch             reads what must be read of the content, hands a job over, returns its id; notes the job in _jobs if it is needed later
#   _run                moves bytes; arguments and values below
#   _unanswered  _oldest  _sent  _take  in_flight  _timeout_in
#   _feed               what WANTS asks for
#   _relink             what UNLINKED asks for; false: that would have to wait
#   _callback_died      the caller's code for delivery `calling` died
#   _interrupted        deliver died during its wait for this delivery
#   _delivered          notes the results of a delivery for `results`

# What _run runs for, and what it says. The glue has the same numbers.
use constant {
    UNTIL_DONE => 0, UNTIL_ROOM => 1, UNTIL_BLOCKED => 2, UNTIL_IDLE => 3, UNTIL_QUEUED => 4, UNTIL_SENT => 5,
    REACHED    => 0, WANTS      => 1, MOVED         => 2, BLOCKED    => 3, UNLINKED     => 4,
};

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

sub _show_progress {
    my ($self) = @_;
    my $jobs = $self->_jobs;
    foreach my $id (sort { $a <=> $b } grep { $jobs->{$_}{progress} } keys %$jobs) {
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
    local $facts->{in_callback} = 1;
    my ($ok, $error) = _try(sub { $self->$method });
    return if $ok;
    $self->_callback_died($self->_facts->{calling});
    die $error;
}

# Runs until what is asked for is reached (true), or would have to be waited for.
sub _go {
    my ($self, $until, $id, $may_wait) = @_;
    $self->_croak_in_callback;
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
    my $results = $self->_take($id);
    $self->_delivered($results);
    return $results;
}

# ---------------------------------------------------------------- the methods

sub deliver {
    my ($self, @arguments) = @_;
    croak 'deliver would have to wait: this object was made with Blocking => 0' if $self->_facts->{nonblocking};
    my $results = $self->_await($self->_launch($self->_job(deliver => @arguments)));
    return wantarray ? @$results : $results;
}

# The caller's code that runs meanwhile must not collect it.
sub _await {
    my ($self, $id) = @_;
    local $self->_facts->{awaited}{$id} = 1;
    my ($ok, $error) = _try(sub { $self->_go(UNTIL_DONE, $id, 1) });
    $self->_interrupted($id) if not $ok;
    my $results = $self->_results_of($id);
    die $error if not $ok;
    return $results;
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

sub collect {
    my ($self) = @_;
    $self->_croak_in_callback;
    my $id = $self->_oldest or return;
    croak 'collect: another call on the same object, deliver, is waiting for this one' if $self->_facts->{awaited}{$id};
    $self->_go(UNTIL_DONE, $id, !$self->_facts->{nonblocking}) or return;
    return Mail::Wire::Delivery->new($id, $self->_results_of($id));
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
