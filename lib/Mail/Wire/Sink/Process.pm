package Mail::Wire::Sink::Process;

# A child process that lives as long as its object, or as the process that made
# it, and the control link to it.

use strict;
use warnings;
use re 'taint';

use Carp         ();
use POSIX        ();
use Scalar::Util ();
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);
use IO::Socket::UNIX ();
use Time::HiRes      ();

use Mail::Wire::Sink::Control ();
use Mail::Wire::Standard ();

our $VERSION = '1.000';
our @CARP_NOT = qw(Mail::Wire::Sink);    # errors are its caller's

# Seconds that a child has to end when it was told to, and to send something
# when it was asked.
use constant { STOP_WAIT => 5, ANSWER_WAIT => 60 };

my %live;    # weak references to the processes that have not been stopped

# Runs $code->($control) in a child process.
sub start {
    my ($class, $code) = @_;
    my ($ours, $theirs);
    Mail::Wire::Standard::apart(sub { ($ours, $theirs) = IO::Socket::UNIX->socketpair(AF_UNIX, SOCK_STREAM, PF_UNSPEC) })
        or Carp::croak("Mail::Wire::Sink: no socket pair: $!");
    my $pid = _fork(sub { close $ours; $code->(Mail::Wire::Sink::Control->new($theirs)) });
    my $self = bless {
        pid => $pid, owner => Mail::Wire::Standard::here(), asked => 0, control => Mail::Wire::Sink::Control->new($ours),
    }, $class;
    Scalar::Util::weaken($live{$pid} = $self);
    return $self;
}

# No signal is taken between the fork and the moment when the child has put
# away the handlers, which are its parent's.
sub _fork {
    my ($code) = @_;
    my $all = POSIX::SigSet->new;
    my $old = POSIX::SigSet->new;
    $all->fillset;
    POSIX::sigprocmask(POSIX::SIG_BLOCK(), $all, $old);
    my $pid   = fork;
    my $error = $!;
    _be_child($code, $old) if defined $pid && !$pid;
    POSIX::sigprocmask(POSIX::SIG_SETMASK(), $old);
    Carp::croak("Mail::Wire::Sink: fork: $error") if !defined $pid;
    return $pid;
}

# Never returns, and leaves by _exit: the objects and END blocks that were
# copied here are the parent's, and so is what its handles have buffered.
sub _be_child {
    my ($code, $mask) = @_;
    my $fine = eval {
        _reset_signals();
        POSIX::sigprocmask(POSIX::SIG_SETMASK(), $mask);
        $_->{control}->close for grep { defined } values %live;
        _leave_standard_handles();
        $code->();
        1;
    };
    _say("Mail::Wire::Sink: $@") if !$fine;
    POSIX::_exit($fine ? 0 : 1);
}

# By descriptor, as syswrite dies of handles that have an encoding.
sub _say {
    my ($words) = @_;
    my $number = tied *STDERR ? 2 : fileno STDERR;
    utf8::encode($words) if utf8::is_utf8($words);
    POSIX::write($number, $words, length $words) if defined $number && $number >= 0;
    return;
}

# A terminal's interrupt is for the parent, whose end is also the child's.
sub _reset_signals {
    delete @SIG{qw(__WARN__ __DIE__)};
    for my $name (grep { defined $SIG{$_} && length $SIG{$_} } keys %SIG) {
        $SIG{$name} = 'DEFAULT';
    }
    $SIG{PIPE} = $SIG{INT} = 'IGNORE';
    return;
}

# By descriptor: the handles may hold output of the parent, which closing them
# would write a second time.
sub _leave_standard_handles {
    my $null = POSIX::open('/dev/null', POSIX::O_RDWR());
    return if !defined $null;
    for my $handle (\*STDIN, \*STDOUT) {
        my $number = tied *$handle ? undef : fileno $handle;
        POSIX::dup2($null, $number) if defined $number && $number >= 0 && $number < 2;
    }
    POSIX::close($null) if $null > 2;
    return;
}

sub pid     { return $_[0]{pid} }
sub is_ours { return $_[0]{owner} eq Mail::Wire::Standard::here() }
sub is_live { return $_[0]->is_ours && !$_[0]{stopped} }

# Asks for $what; each value of the answer goes to $take->(kind, value).  What
# an interrupted call left unread is taken by the next one.
sub ask {
    my ($self, $take, $what, @more) = @_;
    my $control = $self->{control};
    my $number  = ++$self->{asked};
    $control->queue([ $what => $number, @more ]);
    my $alive = $control->flush;
    while (1) {
        while (my $frame = $control->take) {
            return 1 if $frame->[0] eq 'done' && $frame->[1] == $number;
            $take->(@$frame) if $frame->[0] ne 'done';
        }
        return 0 if !$alive;
        $alive = $self->_wait(ANSWER_WAIT) && $control->fill;
    }
}

# What can be read from, once, when something is there to be asked for.
sub handle { return $_[0]{control}->socket }

sub watch {
    my ($self) = @_;
    $self->{control}->queue([ watch => 0 ]);
    $self->{control}->flush;
    return;
}

# Until something can be read, whatever signals come.
sub _wait {
    my ($self, $seconds) = @_;
    my $end = Time::HiRes::time() + $seconds;
    while ((my $left = $end - Time::HiRes::time()) > 0) {
        return 1 if $self->{control}->can_read($left);
    }
    return 0;
}

# Ends the child, which notices that nobody writes to it any more.  Only the
# process and thread that made it do so, by its pid, while that is surely still its.
sub stop {
    my ($self) = @_;
    return if !$self->is_live;
    $self->{stopped} = 1;
    delete $live{ $self->{pid} };
    local ($?, $!, $@);
    $self->{control}->hang_up;
    $self->_read_to_end;
    kill KILL => $self->{pid} if waitpid($self->{pid}, POSIX::WNOHANG()) == 0 && !$self->{ended};
    waitpid $self->{pid}, 0;
    $self->{control}->close;
    return;
}

sub _read_to_end {
    my ($self) = @_;
    my $end = Time::HiRes::time() + STOP_WAIT;
    while (!$self->{ended} && (my $left = $end - Time::HiRes::time()) > 0) {
        last if !$self->_wait($left);
        $self->{ended} = !$self->{control}->fill;
    }
    return;
}

sub DESTROY { $_[0]->stop; return }

END { $_->stop for grep { defined } values %live }

1;
