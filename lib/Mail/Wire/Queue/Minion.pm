package Mail::Wire::Queue::Minion;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Minion ();
use Time::HiRes ();

# Minion as an engine of Mail::Wire::Queue. A worker runs its jobs itself, one after the other, without a process for each: who sends is who
# says that the worker lives.

use constant { QUEUE => 'mailwire', TASK => 'mailwire_range' };

# Who adds jobs has the lock, for so many seconds if it is killed. Who repairs has the other until the next may: with a hundred thousand jobs, and as
# many workers as a hundred machines have, the database would do little else.
use constant { LOCK => 'mailwire_jobs', LOCKED => 60, REPAIRS => 'mailwire_repair' };

# Of so many jobs is asked at once.
use constant ASKED => 500;

# Minion's own: one attempt; a job that nobody took for two days fails, and what is finished is forgotten after two. Ranges may wait for weeks, and
# a server may be away for an hour.
use constant { ATTEMPTS => 25, STUCK_AFTER => 10 * 365 * 86_400, REMOVE_AFTER => 30 * 86_400 };

# A worker says that it lives also while it waits for a server's answer.
use constant { MISSING_AFTER => 900, BEAT => 20, WAIT => 2 };

use constant { DELAY => 5, DELAY_MAX => 300 };

sub new {
    my ($class, $url, %in) = @_;
    my $minion = Minion->new($url =~ /\Asqlite:/ ? 'SQLite' : 'Pg', $url);
    $minion->missing_after($in{missing_after} || MISSING_AFTER)->stuck_after(STUCK_AFTER)->remove_after(REMOVE_AFTER);
    $minion->backoff(\&_delay);
    $minion->add_task(TASK, sub { });
    my $self = bless { minion => $minion, beaten => 0, repaired => 0 }, $class;
    $self->{beat} = $in{missing_after} && $in{missing_after} / 4 < BEAT ? $in{missing_after} / 4 : BEAT;
    return $self;
}

sub _delay {
    my ($retries) = @_;
    my $seconds = DELAY * 2**($retries < 10 ? $retries : 10);
    return $seconds < DELAY_MAX ? $seconds : DELAY_MAX;
}

# Of the database, with the settings of Mojo::Pg or Mojo::SQLite: what fails dies.
sub handle {
    my ($self) = @_;
    my $backend = $self->{minion}->backend;
    my $database = $backend->can('pg') ? $backend->pg : $backend->sqlite;
    my $db = $self->{db} = $database->db;
    return $db->dbh;
}

sub add { return $_[0]{minion}->enqueue(TASK, [ $_[1] ], { queue => QUEUE, attempts => ATTEMPTS }) }

# A worker may have taken it: to that one the range says that it has another.
sub remove { my ($self, $id) = @_; my $job = $self->{minion}->job($id); return $job && $job->remove }

sub missing {
    my ($self, @ids) = @_;
    my %is_missing = map { $_ => 1 } @ids;
    while (my @some = splice @ids, 0, ASKED) {
        my $jobs = $self->{minion}->jobs({ ids => \@some })->fetch(ASKED);
        while (my $job = $jobs->next) { delete $is_missing{ $job->{id} } }
    }
    my @missing = sort { $a <=> $b } keys %is_missing;
    return @missing;
}

sub alone { return $_[0]{minion}->guard(LOCK, LOCKED) }

# ---------------------------------------------------------------- workers

sub work {
    my ($self, %in) = @_;
    $self->{worker} = $self->{minion}->worker;
    $self->{worker}->status->{queues} = [QUEUE];
    while (not $in{stopped}->()) {
        my ($job, $is_idle);
        my $is_good = eval {
            $self->beat;
            $self->_repair(%in);
            $job = $self->{worker}->dequeue($in{is_draining} ? WAIT / 4 : WAIT, { queues => [QUEUE] });
            $is_idle = !$job && $in{is_draining} && !$in{tended}->() && $self->_is_empty;
            1;
        };
        last if $is_idle;
        if    ($job)          { $self->_run($job, %in) }
        elsif (not $is_good)  { $in{told}->($@); sleep WAIT }
    }
    return eval { $self->{worker}->unregister; 1 };
}

# The database may be away when it is over: who waits for it has what became of the job.
sub _run {
    my ($self, $job, %in) = @_;
    my $error;
    eval { $in{run}->($job->args->[0], $job->id); 1 } or $error = $@ || 'unknown';
    $in{told}->($error) if defined $error;
    foreach (1 .. 300) {
        return if eval { defined $error ? $job->fail("$error") : $job->finish; 1 };
        $in{told}->($@) if $_ == 1;
        sleep WAIT;
    }
    return;
}

sub _is_empty {
    my ($self) = @_;
    my $counts = $self->counts;
    return not $counts->{waiting} + $counts->{active};
}

# Seconds after which it is to be called again.
sub every { return $_[0]{beat} }

sub beat {
    my ($self) = @_;
    my $now = Time::HiRes::time();
    return if not $self->{worker} or abs($now - $self->{beaten}) < $self->{beat};
    $self->{worker}->register;
    $self->{beaten} = $now;
    return;
}

sub _repair {
    my ($self, %in) = @_;
    my $now = Time::HiRes::time();
    return if abs($now - $self->{repaired}) < $self->{beat};
    $self->{repaired} = $now;
    return if not $self->{minion}->lock(REPAIRS, int($self->{beat}) || 1);
    $self->{minion}->repair;
    $in{tended}->();
    return;
}

# ---------------------------------------------------------------- how it stands

my %state = (inactive => 'waiting', active => 'active', finished => 'finished', failed => 'failed');

sub counts {
    my ($self) = @_;
    return { map { $state{$_} => $self->_jobs($_)->total } keys %state };
}

sub _jobs { return $_[0]{minion}->jobs({ queues => [QUEUE], tasks => [TASK], states => [ $_[1] ] }) }

sub failed {
    my ($self) = @_;
    my ($jobs, @failed) = ($self->_jobs('failed')->fetch(ASKED));
    while (my $job = $jobs->next) { push @failed, { range => $job->{args}[0], why => "$job->{result}" } }
    return @failed;
}

sub retry {
    my ($self) = @_;
    my ($jobs, @ids) = ($self->_jobs('failed')->fetch(ASKED));
    while (my $job = $jobs->next) { push @ids, $job->{id} }
    return scalar grep { my $job = $self->{minion}->job($_); $job && $job->retry({ attempts => ATTEMPTS + $job->retries }) } @ids;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Queue::Minion - Minion as a queue's engine

=head1 DESCRIPTION

Internal to Mail-Wire: the jobs of L<Mail::Wire::Queue>, on L<Minion>. It may change in any release.

=head1 SEE ALSO

L<mailwire>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
