package Mail::Wire::Pool::Link;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Client ();
use Mail::Wire::Words ();

our @CARP_NOT = ('Mail::Wire::Pool');

# One link of a pool: a client that never waits, and the messages that it has, in the order in which it got them, which is that of its results.
#
#   client    a Net::LMTP or Net::QMTP
#   jobs      messages without a result
#   taken     a delivery whose message is the first of jobs: it was collected, and is not settled yet
#   handed    how many messages it has got
#   answered  how many of them were answered, by whatever
#   most      it gets no more than so many; 0: no limit
#   is_full   nothing more can be handed over until something is answered
#   is_idle   it had nothing to do when it got the first message of jobs, and no answer since: what is lost now may be the link's age
#   has_lost  a message that was lost with the link was settled

sub new {
    my ($class, $client, $most) = @_;
    my $limit = $client->can('supports') ? $client->supports('LIMITS') : undef;
    my ($mail_max) = defined $limit ? $limit =~ /\bMAILMAX=([0-9]{1,9})\b/i : ();
    ($most) = sort { $a <=> $b } grep {$_} $most, $mail_max;
    return bless {
        client => $client, jobs => [], handed => 0, answered => 0, most => $most || 0, is_full => 0, is_idle => 0, has_lost => 0,
    }, $class;
}

# A lost link, as far as is known.
sub is_lost { return !$_[0]{client}->is_connected }

# It has got all that it gets.
sub is_used_up { return $_[0]{most} && $_[0]{handed} >= $_[0]{most} }

# Hands over the last of jobs: 1; 0 when there is no room; -1 when it cannot be sent at all, and $$why_r says why. Dies of what somebody's code
# died of. But for 1 the message is no longer the link's: it is the caller's who takes it back, see is_ahead.
sub take {
    my ($self, $why_r) = @_;
    my ($client, $jobs) = @{$self}{qw(client jobs)};
    my ($id, $error);
    {
        local $@;
        $error = $@ if not eval { $id = $client->submit(@{ $jobs->[-1]->arguments }); 1 };
    }
    if (defined $id) {
        $self->{is_idle} = $self->{answered} if @$jobs == 1;
        $self->{handed}++;
        return 1;
    }
    return $self->_died($error, $why_r) if defined $error;
    $self->{is_full} = 1;
    return 0;
}

# A mistake in the message is told from what code of the caller's has died of.
sub _died {
    my ($self, $error, $why_r) = @_;
    my $words = $Mail::Wire::Client::croaked;
    die $error if ref $error or $error !~ /\Acannot read / and not(defined $words and $words eq $error);
    $$why_r = Mail::Wire::Words::said($error);
    return -1;
}

# True when the last of jobs was not handed over.
sub is_ahead {
    my ($self) = @_;
    return @{ $self->{jobs} } - ($self->{taken} ? 1 : 0) > $self->{client}->in_flight;
}

# The next delivery that is finished; undef when there is none now. It stays the next one until it is settled.
sub next_taken { return $_[0]{taken} ||= $_[0]{client}->collect }

# Whether it costs a message an attempt that it was lost with the link, with these results. Where the link has served others it costs the first
# one only, if more than its sender was sent: it may be what the server dies of. Where the link has served nobody it costs all, or they
# would be tried for ever. What was lost on an old link, that was not used for a while, costs nobody anything.
sub costs {
    my ($self, $results) = @_;
    return 0 if $self->{is_idle};
    return 1 if not $self->{answered};
    return !$self->{has_lost} && grep { $_->stage !~ /\A(?:connect|mail)\z/ } @$results;
}

sub note_answer {
    my ($self) = @_;
    $self->{answered}++;
    $self->{is_idle} = 0;
    return;
}

# ---------------------------------------------------------------- waiting

sub fileno { return $_[0]{client}->fileno }

# The numbers are MW_IO_IN and MW_IO_OUT of c/io.h. From an idle link there is nothing to come but its end.
sub events {
    my ($client, $jobs) = @{ $_[0] }{qw(client jobs)};
    return 1 if not @$jobs;
    return ($client->wants_read ? 1 : 0) | ($client->wants_write ? 2 : 0);
}

sub timeout_in {
    my ($self) = @_;
    return @{ $self->{jobs} } ? $self->{client}->timeout_in : undef;    ## no critic (ProhibitExplicitReturnUndef)
}

# True when a wait of its has taken too long.
sub is_due {
    my $seconds = $_[0]->timeout_in;
    return defined $seconds && $seconds <= 0;
}

# ---------------------------------------------------------------- the end

# QUIT is said, and its answer not waited for.
sub part {
    my ($self) = @_;
    my $client = $self->{client};
    local ($@, $!);
    eval { $client->command('QUIT') } if $client->can('command') and $client->is_connected and not @{ $self->{jobs} };
    $client->close;
    return;
}

1;
