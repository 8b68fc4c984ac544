package Truth::Server;

# An LMTP server that keeps the truth: which recipient was told what, about which content. How it behaves on a link, it reads off
# the client's LHLO name: "seed-TRAITS-NUMBER.test". It runs in a child; the truth of each link comes by a pipe when the link
# has ended: [ recipient, code, content ] for each reply to a message's end, in order.
#
# Traits, a letter each:
#   p c   offers PIPELINING, CHUNKING
#   k     keeps a transaction over LHLO (Cyrus 3.6)
#   n     refuses a MAIL inside a transaction by 503
#   r     refuses now and then: MAIL, RCPT, DATA, RSET, chunks, finals
#   s     says a stray 250 or 550 behind a reply now and then, at once
#   x     closes now and then, or says 421 and closes
#   e     runs the bytes of a chunk that it refuses
#   o     answers a second LHLO oddly

use strict;
use warnings;

use IO::Socket::INET;
use POSIX ();

sub new {
    my ($class) = @_;
    my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die "listen: $@";
    pipe(my $truth, my $tell) or die "pipe: $!";
    defined(my $pid = fork) or die "fork: $!";
    if (!$pid) {
        close $truth;
        serve($listener, $tell);
        POSIX::_exit(0);
    }
    return bless { pid => $pid, port => $listener->sockport, truth => $truth, owner => $$ }, $class;
}

sub port { return $_[0]{port} }

# What the link that ended last was told: a list of [ recipient, code, content ].
sub truth {
    my ($self) = @_;
    my @told;
    while (defined(my $line = readline $self->{truth})) {
        chomp $line;
        last if $line eq 'end';
        push @told, [ map { pack 'H*', $_ } split /,/, $line, -1 ];
    }
    return @told;
}

sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $!);
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
    return;
}

# ---- the child

sub serve {
    my ($listener, $tell) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $parent = getppid;
    while (my $socket = $listener->accept) {
        my $link = bless { socket => $socket, in => '', data => '', rcpts => undef, traits => '', told => [] }, 'Truth::Server::Link';
        eval { $link->run; 1 } or $@ eq "over\n" or print STDERR "Truth::Server: $@";
        close $socket;
        my @told = map { join(',', map { unpack 'H*', $_ } @$_) . "\n" } @{ $link->{told} };
        syswrite $tell, join '', @told, "end\n";
        last if getppid != $parent;
    }
    return;
}

package Truth::Server::Link;

my %COMMAND = (
    LHLO => \&hello, MAIL => \&mail, RCPT => \&rcpt, DATA => \&data, BDAT => \&bdat, RSET => \&rset,
    NOOP => sub { $_[0]->say('250 2.0.0 noop') }, VRFY => sub { $_[0]->say('252 2.0.0 perhaps') },
    QUIT => sub { $_[0]->say('221 2.0.0 bye'); die "over\n" },
);

sub run {
    my ($self) = @_;
    $self->put("220 truth.test LMTP\r\n");
    while (1) {
        my $line = $self->line;
        my $run = $COMMAND{ uc substr $line, 0, 4 };
        $run ? $run->($self, $line) : $self->say('500 5.5.1 what');
    }
    return;
}

sub has { return index($_[0]{traits}, $_[1]) >= 0 }

# True one time in n, by the link's own numbers.
sub chance {
    my ($self, $trait, $n) = @_;
    return 0 if not $self->has($trait);
    $self->{random} = ($self->{random} * 1103515245 + 12345) & 0x7fffffff;
    return ($self->{random} >> 8) % $n == 0;
}

sub fill {
    my ($self) = @_;
    my $n = sysread $self->{socket}, $self->{in}, 65536, length $self->{in};
    die "over\n" if not $n;
    return;
}

sub line {
    my ($self) = @_;
    $self->fill while $self->{in} !~ /\n/;
    $self->{in} =~ s/\A(.*?)\r?\n//s;
    return $1;
}

sub put {
    my ($self, $bytes) = @_;
    defined syswrite $self->{socket}, $bytes or die "over\n";
    return;
}

sub say {
    my ($self, @lines) = @_;
    die "over\n" if $self->chance('x', 60);
    if ($self->chance('x', 60)) {
        $self->put("421 4.3.2 going down\r\n");
        die "over\n";
    }
    my $text = join '', map {"$_\r\n"} @lines;
    $text .= $self->chance('s', 2) ? "250 2.0.0 stray\r\n" : "550 5.0.0 stray\r\n" if $self->chance('s', 25);
    $self->put($text);
    return;
}

sub hello {
    my ($self, $line) = @_;
    if ($line =~ /seed-(\w*)-(\d+)/ and not $self->{greeted}) {
        @$self{qw(traits random)} = ($1, $2 * 7919 + 13);
    }
    $self->{rcpts} = undef if not $self->has('k');
    my @odd = ('450 4.0.0 later', '250 OK', '503 5.5.1 again');
    return $self->say($odd[ $self->{random} % @odd ]) if $self->{greeted}++ and $self->has('o');
    my @offers = (('PIPELINING') x $self->has('p'), ('CHUNKING') x $self->has('c'), '8BITMIME');
    my $last = pop @offers;
    return $self->say('250-truth.test', (map {"250-$_"} @offers), "250 $last");
}

sub mail {
    my ($self) = @_;
    return $self->say('503 5.5.1 nested MAIL') if $self->{rcpts} and $self->has('n');
    return $self->say('451 4.3.0 not this sender') if $self->chance('r', 8);
    @$self{qw(rcpts data)} = ([], '');
    return $self->say('250 2.1.0 sender');
}

sub rcpt {
    my ($self, $line) = @_;
    return $self->say('503 5.5.1 MAIL first') if not $self->{rcpts};
    return $self->say('550 5.1.1 unknown') if $self->chance('r', 6) or $line !~ /<(.*)>/;
    push @{ $self->{rcpts} }, $line =~ /<(.*)>/;
    return $self->say('250 2.1.5 recipient');
}

sub rset {
    my ($self) = @_;
    return $self->say('451 4.3.0 not now') if $self->chance('r', 8);
    $self->{rcpts} = undef;
    return $self->say('250 2.0.0 reset');
}

sub data {
    my ($self) = @_;
    return $self->say('503 5.5.1 no recipients') if not $self->{rcpts} or not @{ $self->{rcpts} };
    if ($self->chance('r', 8)) {
        $self->{rcpts} = undef if not $self->has('k');
        return $self->say('451 4.3.0 no data');
    }
    # A stray 550 behind it would be the server's early refusal of the content.
    $self->put("354 go ahead\r\n");
    my $content = '';
    while ((my $line = $self->line) ne '.') {
        $line =~ s/\A\.//;
        $content .= "$line\n";
    }
    return $self->finals($content);
}

sub bdat {
    my ($self, $line) = @_;
    my ($size, $last) = $line =~ /\ABDAT (\d+)( LAST)?\z/i or return $self->say('501 5.5.4 BDAT size');
    my $nobody = not($self->{rcpts} and @{ $self->{rcpts} });
    return $self->say('502 5.5.1 nobody') if $nobody and $self->has('e');
    $self->fill while length $self->{in} < $size;
    $self->{data} .= substr $self->{in}, 0, $size, '';
    return $self->say('503 5.5.1 nobody') if $nobody;
    if ($self->chance('r', 8)) {
        @$self{qw(rcpts data)} = (undef, '');
        return $self->say('451 4.3.0 no chunk');
    }
    return $self->say('250 2.0.0 chunk') if not $last;
    (my $content = $self->{data}) =~ s/\r\n/\n/g;
    return $self->finals($content);
}

# What was told is noted before it is said: a reply may be lost, or not be heard.
sub finals {
    my ($self, $content) = @_;
    my @rcpts = @{ $self->{rcpts} };
    $self->{rcpts} = undef;
    $self->{data} = '';
    my @codes = map { $self->chance('r', 4) ? 552 : 250 } @rcpts;
    push @{ $self->{told} }, [ $rcpts[$_], $codes[$_], $content ] for 0 .. $#rcpts;
    # A stray reply among the finals can't be told from one of them: behind the last only.
    my @text = map { $_ == 250 ? '250 2.0.0 saved' : '552 5.2.2 full' } @codes;
    my $last = pop @text;
    $self->put("$_\r\n") for @text;
    return $self->say($last);
}

1;
