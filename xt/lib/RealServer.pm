package RealServer;

# A server program under test: started in a directory of its own, waited for until it answers, and
# stopped by its process id when the object goes, the test dies or the test is interrupted.

use strict;
use warnings;

use Cwd ();
use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw(:sys_wait_h);
use Test::More;
use Time::HiRes qw(sleep time);

our $WAIT_START = 30;   # seconds a server may take to answer
our $WAIT_STOP  = 10;   # seconds it may take to go by itself

# Interrupted tests end by exit, so that the servers go with them.
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

# Names of programs (looked for in PATH and the system's folders), Perl modules (with ::), or
# [ 'what it is called', is it there? ]. Where one is missing the test is skipped; with CI set it fails.
sub need {
    my ($class, @things) = @_;
    my @missing = grep { defined } map { $class->_missing($_) } @things;
    return unless @missing;
    my $why = 'missing here: ' . join ', ', @missing;
    plan skip_all => $why unless $ENV{CI};
    plan tests => 1;
    fail($why);
    exit 1;
}

sub _missing {
    my ($class, $thing) = @_;
    if (ref $thing) {
        my ($name, $is_there) = @$thing;
        return $is_there ? undef : $name;
    }
    if ($thing =~ /::/) {
        (my $file = "$thing.pm") =~ s{::}{/}g;
        return eval { require $file } ? undef : $thing;
    }
    return defined $class->program($thing) ? undef : $thing;
}

sub program {
    my ($class, $name) = @_;
    return -x $name ? $name : undef if $name =~ m{\A/};
    my @folders = (split(/:/, $ENV{PATH} || ''), qw(/usr/local/sbin /usr/sbin /sbin));
    my ($found) = grep { -x && !-d } map {"$_/$name"} @folders;
    return $found;
}

sub directory {
    return File::Temp::tempdir('mail-wire-XXXXXX', TMPDIR => 1, CLEANUP => 1);
}

# A port that nobody listens on. Another program may take it before the server does, so the
# caller's start is tried again on another one.
sub free_port {
    my $listener = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => 0)
        or die "no free port: $!\n";
    return $listener->sockport;
}

# start(command => sub { my ($port) = @_; return @words }, ...)
#   banner => 1    the server speaks first: it answers when a line came
#   path   => ...  wait for this UNIX socket instead of the port
#   dir    => ...  where its output goes, in the file server.log
sub start {
    my ($class, %arg) = @_;
    my $tries = 3;
    while ($tries--) {
        my $port = $class->free_port;
        my $self = bless { %arg, port => $port, owner => $$ }, $class;
        $self->{dir} ||= $class->directory;
        $self->_spawn($arg{command}->($port));
        return $self if $self->_wait_until_it_answers;
        diag("$self->{program} did not answer:\n" . $self->log) unless $tries;
    }
    die "server did not start\n";
}

sub port { $_[0]{port} }

sub pid { $_[0]{pid} }

sub log {
    my ($self) = @_;
    return slurp("$self->{dir}/server.log");
}

sub _spawn {
    my ($self, @command) = @_;
    $self->{program} = $command[0];
    defined(my $pid = fork) or die "fork: $!\n";
    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        open STDIN, '<', '/dev/null' or POSIX::_exit(126);
        open STDOUT, '>>', "$self->{dir}/server.log" or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(126);
        { no warnings 'exec'; exec {$command[0]} @command }
        print STDERR "$command[0]: $!\n";
        POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    return;
}

sub _wait_until_it_answers {
    my ($self) = @_;
    my $end = time + $WAIT_START;
    while (time < $end) {
        return 0 if waitpid($self->{pid}, WNOHANG) == $self->{pid} and delete $self->{pid};
        return 1 if $self->_answers;
        sleep 0.05;
    }
    $self->stop;
    return 0;
}

sub _answers {
    my ($self) = @_;
    my $link = $self->connect or return 0;
    return 1 unless $self->{banner};
    my $line = eval {
        local $SIG{ALRM} = sub { die "no banner\n" };
        alarm 5;
        my $got = <$link>;
        alarm 0;
        $got;
    };
    alarm 0;
    return defined $line && length $line;
}

# A bare socket to the server.
sub connect {
    my ($self) = @_;
    return IO::Socket::UNIX->new(Peer => $self->{path}) if defined $self->{path};
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => 5);
}

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid};
    return unless defined $pid and $self->{owner} == $$;
    local ($?, $!, $@);
    kill TERM => $pid;
    my $end = time + $WAIT_STOP;
    while (time < $end) {
        return if waitpid($pid, WNOHANG) != 0;
        sleep 0.02;
    }
    kill KILL => $pid;
    waitpid $pid, 0;
    return;
}

sub DESTROY { $_[0]->stop }

# Calls the function until it is true. False when it was not within the seconds.
sub poll_until {
    my ($class, $seconds, $is_done) = @_;
    my $end = time + $seconds;
    until ($is_done->()) {
        return 0 if time > $end;
        sleep 0.05;
    }
    return 1;
}

sub slurp {
    my ($file) = @_;
    open my $fh, '<:raw', $file or return '';
    local $/;
    return scalar <$fh>;
}

1;
