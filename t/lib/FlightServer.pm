package FlightServer;

# A server for tests of deliveries that keeps the truth: what it was told, what it took, and what it said to which recipient. How it
# lies is data, sent to it before each connection:
#
#   my $server = FlightServer->new;
#   $server->next(
#       keywords => [ 'PIPELINING' ],               # of LHLO
#       lies     => { 'final m1 0' => { after => ['250 one over'] } },
#       ...                                         # see below
#   );
#   my $lmtp = Net::LMTP->new($server->address, Hello => 'client.example');
#   ... deliveries, the end of $lmtp ...
#   my $truth = $server->truth;
#
# Without lies it is exact. What it decides hangs on names: a message is called by the local part of its sender (m1@x), a recipient by its place among
# the RCPTs of its message. Of recipients, no... is refused by RCPT, full... and bad... at the end (452, 554); of senders,
# ...-nomail is refused, ...-nodata has its DATA or BDAT refused.
#
# A point is what a reply is about: "mail m1", "rcpt m1 0", "data m1", "chunk m1 0", "final m1 0", "greeting", "lhlo 2" (the second), "rset 1", "quit", and "body m1", which
# is no reply but the moment when the first bytes of a content have come. A lie about a point:
#
#   before, after   lines to be sent with the reply
#   part            bytes sent behind it, without an end
#   instead         lines in place of it ([] for none); counts as not said to anybody, unless
#   gives           is the code that it gives the recipient. A 4xx or 5xx that is said instead is meant, too
#   mark            the parent's await(NAME) returns
#   wait            seconds before it
#   hold            as mark, but before it, and then waits for the parent's release
#   then            'close', 'reset', 'finish' (FIN, but reads on), 'hang' (reads on, says nothing more)
#
# Others: greeting, output (how many bytes are written before the end `ending`: close, reset or finish), input (how many are read before it), split (one write per byte),
# silent_none (no reply to BDAT LAST without a recipient), takes_none (354 without one), slow (reads nothing for so many seconds at "body"),
# keeps_open (neither LHLO nor an end that is refused to all ends a transaction: Cyrus), runs_refused (a chunk without a recipient is refused by this reply and its bytes are run as
# commands; '' for none), later (keywords from the second LHLO on).

use strict;
use warnings;

use Errno qw(EINTR);
use POSIX ();
use Scalar::Util qw(weaken);
use Socket;
use Storable qw(nfreeze thaw);

use constant LIFE => 100;

my %Running;

sub new {
    my ($class) = @_;
    socket(my $listener, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
    bind($listener, pack_sockaddr_in(0, INADDR_LOOPBACK)) or die "bind: $!";
    listen($listener, 16) or die "listen: $!";
    my ($port) = unpack_sockaddr_in(getsockname $listener);
    socketpair(my $parent, my $child, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
    my $pid = fork;
    defined $pid or die "fork: $!";
    if (!$pid) {
        close $parent;
        eval { FlightServer::Child::serve($listener, $child); 1 } or print STDERR "FlightServer: $@";
        POSIX::_exit(0);
    }
    my $self = bless { pid => $pid, owner => $$, port => $port, control => $parent }, $class;
    weaken($Running{$pid} = $self);
    return $self;
}

sub address { ('127.0.0.1', $_[0]{port}) }

sub next {
    my ($self, %how) = @_;
    put_frame($self->{control}, \%how) or die 'the server is gone';
    return;
}

# Waits for a mark.
sub await {
    my ($self, $name) = @_;
    return 1 if delete $self->{passed}{$name};
    while (my $frame = get_frame($self->{control})) {
        return 1 if defined $frame->{mark} and $frame->{mark} eq $name;
        die 'the connection ended before the mark' if !defined $frame->{mark};
    }
    die 'the server is gone';
}

# Whether a mark has come.
sub passed {
    my ($self, $name) = @_;
    while (!$self->{ended}) {
        vec(my $readable = '', fileno $self->{control}, 1) = 1;
        last if select($readable, undef, undef, 0) <= 0;
        my $frame = get_frame($self->{control}) or last;
        if (defined $frame->{mark}) { $self->{passed}{ $frame->{mark} } = 1 }
        else                        { $self->{ended} = $frame }
    }
    return $self->{passed}{$name};
}

# Lets one that holds go on.
sub release { return put_frame($_[0]{control}, { release => 1 }) }

# What happened, once the connection has ended:
#   messages   name => { rcpts => [ { address, accepted, refusal, final } ], refusal (of MAIL), data_refusal, wanted, body, ended }
#   given      point => the code that was said there
#   lines      the commands
#   cut        bytes may have been left unread
#   size       bytes read and written: { input, output }; before: those up to the first LHLO and its reply
#   problems   what no client of ours may do
sub truth {
    my ($self) = @_;
    delete $self->{passed};
    my $ended = delete $self->{ended};
    return $ended if $ended;
    while (my $frame = get_frame($self->{control})) {
        return $frame if !defined $frame->{mark};
    }
    die 'the server is gone';
}

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    return if $self->{owner} != $$;
    delete $Running{$pid};
    local ($?, $!, $@);
    kill 'KILL', $pid;
    1 while waitpid($pid, 0) < 0 && $! == EINTR;
    return;
}

sub DESTROY { $_[0]->stop }

END { $_ && $_->stop for values %Running }

# Frames between parent and child: four bytes of length and a frozen structure.

sub put_frame {
    my ($handle, $data) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $bytes = pack 'N/a*', nfreeze($data);
    while (length $bytes) {
        my $put = syswrite $handle, $bytes;
        next if !defined $put && $! == EINTR;
        return 0 if !$put;
        substr $bytes, 0, $put, '';
    }
    return 1;
}

sub get_frame {
    my ($handle) = @_;
    my $size = read_whole($handle, 4);
    return if length $size < 4;
    my $bytes = read_whole($handle, unpack 'N', $size);
    return thaw($bytes);
}

sub read_whole {
    my ($handle, $length) = @_;
    my $bytes = '';
    while (length $bytes < $length) {
        my $got = sysread $handle, $bytes, $length - length $bytes, length $bytes;
        next if !defined $got && $! == EINTR;
        last if !$got;
    }
    return $bytes;
}

# ----------------------------------------------------------------------------------------------
package FlightServer::Child;

use Errno qw(EINTR);
use POSIX ();
use Socket;

sub serve {
    my ($listener, $control) = @_;
    $SIG{$_} = 'DEFAULT' for qw(ALRM HUP INT TERM USR1 USR2);
    delete @SIG{qw(__DIE__ __WARN__)};
    $SIG{PIPE} = 'IGNORE';
    while (my $how = FlightServer::get_frame($control)) {
        alarm FlightServer::LIFE();
        accept my $peer, $listener or die "accept: $!";
        setsockopt $peer, Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), pack 'i', 1;
        my $self = bless {
            %$how,
            peer => $peer, control => $control, in => '', out => '', read => 0, wrote => 0, count => {},
            truth => { messages => {}, lines => [], problems => [] },
        }, __PACKAGE__;
        $self->{lies} ||= {};
        eval { $self->session; 1 } or $@ eq "gone\n" or push @{ $self->{truth}{problems} }, "server: $@";
        $self->drain;
        $self->{truth}{size} = { output => $self->{wrote}, input => $self->{read} };
        FlightServer::put_frame($control, $self->{truth}) or return;
    }
    return;
}

# Reads on until the client has gone.
sub drain {
    my ($self) = @_;
    my $peer = delete $self->{peer} or return;
    while (1) {
        my $got = sysread $peer, my $bytes, 65536;
        next if !defined $got && $! == EINTR;
        $self->{truth}{cut} = 1 if !defined $got;
        last if !$got;
    }
    close $peer;
    return;
}

sub finish {
    my ($self, $ending) = @_;
    my $peer = $self->{peer};
    $self->{truth}{cut} = 1;
    if ($ending eq 'reset') {
        setsockopt $peer, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    }
    if    ($ending eq 'finish') { shutdown $peer, 1 }
    elsif ($ending ne 'hang')   { close delete $self->{peer} }
    die "gone\n";
}

# --- bytes

sub more {
    my ($self) = @_;
    $self->flush;
    my $most = 65536;
    if (defined $self->{input}) {
        $most = $self->{input} - $self->{read};
        $self->finish($self->{ending}) if $most <= 0;
        $most = 65536 if $most > 65536;
    }
    my $got = sysread $self->{peer}, $self->{in}, $most, length $self->{in};
    return if !defined $got && $! == EINTR;
    $self->{truth}{cut} = 1 if !defined $got;
    die "gone\n" if !$got;
    $self->{read} += $got;
    return;
}

sub line {
    my ($self) = @_;
    $self->more while index($self->{in}, "\n") < 0;
    my $line = substr $self->{in}, 0, 1 + index($self->{in}, "\n"), '';
    $self->problem("a line without its CRLF: $line") if $line !~ s/\r\n\z//;
    return $line;
}

sub problem {
    my ($self, $text) = @_;
    push @{ $self->{truth}{problems} }, $text;
    return;
}

# What is said is written when the server would read, or ends: what belongs together comes in one piece.
sub put {
    my ($self, $bytes) = @_;
    $self->{out} .= $bytes;
    return;
}

sub flush {
    my ($self) = @_;
    my $bytes = $self->{out};
    $self->{out} = '';
    my $size = $self->{split} ? 1 : length $bytes;
    my $cut = 0;
    if (defined $self->{output} && $self->{wrote} + length $bytes > $self->{output}) {
        substr($bytes, $self->{output} - $self->{wrote}) = '';
        $cut = 1;
    }
    while (length $bytes) {
        my $put = syswrite $self->{peer}, $bytes, $size;
        next if !defined $put && $! == EINTR;
        $self->{truth}{cut} = 1 if !$put;
        die "gone\n" if !$put;
        substr $bytes, 0, $put, '';
        $self->{wrote} += $put;
    }
    $self->finish($self->{ending}) if $cut;
    return;
}

# --- replies

# Says a reply about a point, as the lies have it. Returns the code that counts.
sub say {
    my ($self, $point, $reply) = @_;
    my $lie = $self->{lies}{$point} || {};
    if ($lie->{wait}) {
        $self->flush;
        select undef, undef, undef, $lie->{wait};
    }
    if (defined $lie->{hold}) {
        $self->flush;
        FlightServer::put_frame($self->{control}, { mark => $lie->{hold} });
        FlightServer::get_frame($self->{control});
    }
    $self->put(join '', map {"$_\r\n"} @{ $lie->{before} }) if $lie->{before};
    my $given = $lie->{gives};
    my ($counts) = $reply =~ /\A([0-9]+)/;
    if ($lie->{instead}) {
        my @lines = @{ $lie->{instead} };
        $self->put(join '', map {"$_\r\n"} @lines) if @lines;
        $counts = $1 if @lines and $lines[-1] =~ /\A([45][0-9][0-9])/;
    }
    else {
        $self->put("$reply\r\n") if length $reply;
        $given = $counts;
    }
    $self->{truth}{given}{$point} = $given;
    $self->put(join '', map {"$_\r\n"} @{ $lie->{after} }) if $lie->{after};
    $self->put($lie->{part}) if defined $lie->{part};
    if (defined $lie->{mark}) {
        $self->flush;
        FlightServer::put_frame($self->{control}, { mark => $lie->{mark} });
    }
    if ($lie->{then}) {
        $self->flush;
        $self->finish($lie->{then});
    }
    return $counts;
}

sub counted {
    my ($self, $what) = @_;
    return "$what " . ++$self->{count}{$what};
}

# --- the session

sub session {
    my ($self) = @_;
    $self->{greeting} ||= '220 server.example LMTP ready';
    $self->say(greeting => $self->{greeting});
    while (1) {
        my $line = $self->line;
        push @{ $self->{truth}{lines} }, $line;
        my ($verb, $rest) = $line =~ /\A([A-Z]+) ?(.*)\z/s;
        my $method = $self->can('do_' . lc(defined $verb ? $verb : ''));
        if   ($method) { $self->$method($rest) }
        else           { $self->say($self->counted('other'), '250 ok') }
    }
    return;
}

sub do_lhlo {
    my ($self) = @_;
    $self->{keywords} = $self->{later} if $self->{truth}{before} and $self->{later};
    my @lines = ('server.example', @{ $self->{keywords} || [] });
    my $last = pop @lines;
    my $reply = join "\r\n", (map {"250-$_"} @lines), "250 $last";
    $self->{message} = undef if !$self->{keeps_open};
    $self->{truth}{before} ||= { output => length("$self->{greeting}\r\n$reply\r\n"), input => $self->{read} };
    $self->say($self->counted('lhlo'), $reply);
    return;
}

sub do_rset {
    my ($self) = @_;
    $self->{message} = undef;
    $self->say($self->counted('rset'), '250 2.0.0 reset');
    return;
}

sub do_noop { $_[0]->say($_[0]->counted('noop'), '250 2.0.0 nothing') }

sub do_quit {
    my ($self) = @_;
    $self->say(quit => '221 bye');
    $self->flush;
    $self->finish('close');
    return;
}

sub do_mail {
    my ($self, $rest) = @_;
    my ($name) = $rest =~ /\AFROM:<([^@>]*)/;
    return $self->say($self->counted('nested'), '503 5.5.1 nested MAIL') if $self->{message};
    my $message = { name => $name, rcpts => [] };
    if ($self->{truth}{messages}{$name}) {
        $self->problem("message $name a second time");
    }
    $self->{truth}{messages}{$name} = $self->{latest} = $message;
    if ($name =~ /-nomail\z/) {
        $message->{refusal} = "550 5.1.0 $name no";
        return $self->say("mail $name", $message->{refusal});
    }
    my $code = $self->say("mail $name", "250 2.1.0 $name ok");
    $self->{message} = $message if $code !~ /\A[45]/;
    return;
}

sub do_rcpt {
    my ($self, $rest) = @_;
    my ($address) = $rest =~ /\ATO:<([^>]*)>/;
    my $message = $self->{message};
    return $self->say($self->counted('orphan'), '503 5.5.1 RCPT without MAIL') if !$message;
    my $i = @{ $message->{rcpts} };
    my $what = "$message->{name} r$i";
    my $rcpt = { address => $address, accepted => 1 };
    my $reply = "250 2.1.5 $what welcome";
    if ($address =~ /\Ano/) {
        $reply = "550 5.1.1 $what unknown";
        @$rcpt{qw(accepted refusal)} = (0, $reply);
    }
    elsif ($address =~ /\Alater/) {
        $reply = "450-4.2.1 $what later\r\n450 4.2.1 much later";
        @$rcpt{qw(accepted refusal)} = (0, $reply);
    }
    push @{ $message->{rcpts} }, $rcpt;
    my $code = $self->say("rcpt $message->{name} $i", $reply);
    $rcpt->{accepted} = 0 if $code =~ /\A[45]/;
    return;
}

sub accepted { grep { $_->{accepted} } @{ $_[1]{rcpts} } }

# The reply that refuses a content; undef when it is welcome.
sub refuses {
    my ($self) = @_;
    my $message = $self->{message} or return '503 5.5.1 no message';
    return $message->{data_refusal} = "451 4.3.0 $message->{name} no data" if $message->{name} =~ /-nodata\z/;
    return '554 5.5.1 no valid recipients' if !$self->accepted($message) and !$self->{takes_none};
    return;
}

sub do_data {
    my ($self) = @_;
    my $message = $self->{message};
    my $name = $message ? $message->{name} : '';
    my $refusal = $self->refuses;
    if (defined $refusal) {
        return $self->say("data $name", $refusal);
    }
    $message->{wanted} = 1;
    return if $self->say("data $name", '354 go on') =~ /\A[45]/;
    $self->first_bytes($name);
    $message->{body} = $self->content;
    $self->end($message);
    return;
}

sub first_bytes {
    my ($self, $name) = @_;
    return if !$self->{lies}{"body $name"} and !$self->{slow};
    $self->more if !length $self->{in};
    select undef, undef, undef, $self->{slow} if $self->{slow};
    $self->say("body $name", '');
    return;
}

sub content {
    my ($self) = @_;
    my $from = 0;
    while (1) {
        my $end = substr($self->{in}, 0, 3) eq ".\r\n" ? 0 : 2 + index $self->{in}, "\r\n.\r\n", $from;
        if ($end != 1) {
            my $body = substr substr($self->{in}, 0, $end + 3, ''), 0, $end;
            $body =~ s/^\.//mg;
            return $body;
        }
        $from = length $self->{in} > 4 ? length($self->{in}) - 4 : 0;
        $self->more;
    }
}

sub do_bdat {
    my ($self, $rest) = @_;
    my ($size, $last) = $rest =~ /\A([0-9]+)( LAST)?\z/ or return $self->say($self->counted('other'), '501 what?');
    my $message = $self->{message};
    my $name = $message ? $message->{name} : '';
    if (defined $self->{runs_refused} and !$message || !$self->accepted($message)) {
        return length $self->{runs_refused} ? $self->say("data $name", $self->{runs_refused}) : ();
    }
    $self->{latest}{wanted} = 1;
    $self->first_bytes($name) if $size;
    $self->more while length $self->{in} < $size;
    my $bytes = substr $self->{in}, 0, $size, '';
    my $refusal = $self->refuses;
    if (defined $refusal) {
        return if $last and $self->{silent_none} and $refusal =~ /\A5/;
        $self->say("data $name", $refusal);
        $self->{message} = undef if $last;
        return;
    }
    $message->{body} = '' if !defined $message->{body};
    $message->{body} .= $bytes;
    return $self->end($message) if $last;
    $self->say("chunk $name " . ($message->{chunks}++ || 0), "250 2.0.0 $name $size octets");
    return;
}

# The end of a content: one reply for each accepted recipient.
sub end {
    my ($self, $message) = @_;
    $message->{ended} = 1;
    my $rcpts = $message->{rcpts};
    for my $i (grep { $rcpts->[$_]{accepted} } 0 .. $#$rcpts) {
        my $what = "$message->{name} r$i";
        my $address = $rcpts->[$i]{address};
        my $reply
            = $address =~ /\Afull/ ? "452 4.2.2 $what full"
            : $address =~ /\Abad/  ? "554 5.6.0 $what bad"
            :                        "250 2.0.0 $what saved";
        $rcpts->[$i]{final} = $reply;
        $self->say("final $message->{name} $i", $reply);
    }
    $self->{message} = undef if !$self->{keeps_open} or grep { defined $_->{final} && $_->{final} =~ /\A2/ } @$rcpts;
    return;
}

1;
