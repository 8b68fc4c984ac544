package LMTPTest;

# What the tests of Net::LMTP share: a server with a client on it, and what was said, warned and sent.

use strict;
use warnings;

use Exporter qw(import);
use File::Temp ();
use Net::LMTP;

use ScriptedServer;

our @EXPORT = qw(session script hello_script connect_to wire shown warnings_of stderr_of words_of @mail @rcpt @data);

# Pieces of scripts: a command that is taken. Content comes behind @data.
our @mail = (expect => qr/^MAIL/, reply => '250 ok');
our @rcpt = (expect => qr/^RCPT/, reply => '250 ok');
our @data = (expect => 'DATA', reply => '354 go');

# The system's words for an error, as a pattern: of perl's own `$!`, and of C, where a locale may have others.
sub words_of {
    local $! = $_[0];
    my @words = ("$!", do { use locale; "$!" });
    utf8::encode($_) for grep { utf8::is_utf8($_) } @words;
    my $any = join '|', map {quotemeta} @words;
    return qr/(?:$any)/;
}

# A test that does not name its server keeps it by this, for as long as it may need it.
my @Kept;

sub keep {
    my ($server) = @_;
    push @Kept, $server;
    shift @Kept if @Kept > 4;
    return $server;
}

# A server that speaks LMTP by ScriptedServer::session's table, and a client on it.
# Leading { ... }: options of the client's new; class => its class; server => options of the server's.
sub session {
    my $options = ref $_[0] eq 'HASH' ? shift : {};
    my $server = keep(ScriptedServer->new(script => ScriptedServer::session(@_), %{ delete $options->{server} || {} }));
    return (connect_to($server, %$options), $server);
}

# The same by a script, which begins behind LHLO.
sub script {
    my $options = ref $_[0] eq 'HASH' ? shift : {};
    my $keywords = delete $options->{keywords} || [];
    my $server = keep(ScriptedServer->new(
        script => [ hello_script(@$keywords), @_ ], %{ delete $options->{server} || {} }));
    return (connect_to($server, %$options), $server);
}

sub hello_script {
    my @lines = ('server.example', @_);
    my $last = pop @lines;
    return (
        reply  => '220 server.example LMTP ready',
        expect => qr/^LHLO /,
        reply  => [ (map { "250-$_" } @lines), "250 $last" ],
    );
}

sub connect_to {
    my ($server, %options) = @_;
    my $class = delete $options{class} || 'Net::LMTP';
    my $lmtp = $class->new($server->args, Hello => 'client.example', %options)
        or die "cannot connect: $@" . join '; ', $server->problems;
    return $lmtp;
}

# What the client has sent behind its first LHLO.
sub wire {
    my ($server, $connection) = @_;
    my $bytes = $server->received($connection);
    $bytes =~ s/\ALHLO [^\r\n]*\r\n//;
    return $bytes;
}

# Results as short texts: "a@x success 250 final", with "maybe" behind those maybe delivered.
sub shown {
    return map {
        sprintf '%s %s %s %s%s', $_->recipient, $_->status, $_->code, $_->stage, $_->maybe_delivered ? ' maybe' : ''
    } @_;
}

sub warnings_of (&) {
    my ($code) = @_;
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    $code->();
    return @warnings;
}

# What the code writes to descriptor 2, by whatever way.
sub stderr_of (&) {
    my ($code) = @_;
    my $file = File::Temp->new;
    open my $saved, '>&', \*STDERR or die "dup: $!";
    open STDERR, '>&', $file or die "dup: $!";
    STDERR->autoflush(1);
    my $whole = eval { $code->(); 1 };
    my $error = $@;
    open STDERR, '>&', $saved or die "dup: $!";
    die $error if !$whole;
    seek $file, 0, 0;
    local $/;
    my $text = <$file>;
    return defined $text ? $text : '';
}

1;
