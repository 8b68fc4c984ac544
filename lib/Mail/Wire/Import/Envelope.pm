package Mail::Wire::Import::Envelope;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);

our @CARP_NOT = ('Mail::Wire::Import');

# Who sends a message of a mailbox, and to whom: for `import`. Addresses are octets.

# What Google's labels say of a message that is no place for it.
my %state = map { $_ => 1 } qw(unread opened starred important archived chat);

# Fields, all optional: sender, an address; sender_headers and recipient_headers, references to lists of names; recipients, a reference to a
# list of addresses; map, code from addresses to addresses; by_labels, by_folders; separator, in front of a folder; hierarchy, between the parts of
# one; not_labels, a reference to a list.
sub new {
    my ($class, %in) = @_;
    my $self = bless { separator => '+', hierarchy => '/', %in }, $class;
    $self->{state} = { %state, map { lc $_ => 1 } @{ $in{not_labels} || [] } };
    $self->{always} = $in{recipients} if $in{recipients} and not grep { $in{$_} } qw(map by_labels by_folders);
    return $self;
}

sub sender {
    my ($self, $message) = @_;
    return $self->{sender} if defined $self->{sender};
    foreach my $name (@{ $self->{sender_headers} || [] }) {
        my ($address) = addresses(scalar $message->header($name));
        return $address if defined $address;
    }
    my $sender = $message->sender;
    return defined $sender ? $sender : '';
}

# Each address once. None: nobody is to get it.
sub recipients {
    my ($self, $message) = @_;
    return @{ $self->{always} } if $self->{always};
    my @addresses = $self->{recipients} ? @{ $self->{recipients} } : $self->_of_headers($message);
    @addresses = $self->{map}->(@addresses) if $self->{map};
    @addresses = $self->_with_folders($message, @addresses) if $self->{by_labels} or $self->{by_folders};
    my %seen;
    return grep { !$seen{$_}++ } @addresses;
}

# Of the first of these header fields that the message has, and the uppermost of that name: the last hop's.
sub _of_headers {
    my ($self, $message) = @_;
    foreach my $name (@{ $self->{recipient_headers} || [] }) {
        my @addresses = addresses(scalar $message->header($name));
        return @addresses if @addresses;
    }
    return;
}

# Those of a header field. None: it is no list of addresses.
sub addresses {
    my ($text) = @_;
    return if not defined $text;
    require Mail::Wire::Command::Message;
    local $@;
    my @found;
    eval { @found = Mail::Wire::Command::Message::addresses({ name => 'header' }, $text) };
    return @found;
}

# ---------------------------------------------------------------- folders

sub _with_folders {
    my ($self, $message, @addresses) = @_;
    my @folders = $self->{by_labels} ? $self->_labels($message) : ();
    @folders = $self->_folder($message) if not @folders and $self->{by_folders};
    @folders = ('') if not @folders;
    return map { my $address = $_; map { $self->_detailed($address, $_) } @folders } @addresses;
}

# '' is the inbox.
sub _labels {
    my ($self, $message) = @_;
    my @labels = $message->labels;
    utf8::encode($_) foreach @labels;
    @labels = grep { !$self->{state}{ lc $_ } and !/\ACategory /i } @labels;
    return map { lc $_ eq 'inbox' ? '' : $_ } @labels;
}

sub _folder {
    my ($self, $message) = @_;
    my $folder = $message->folder;
    return '' if not defined $folder or lc $folder eq 'inbox';
    return _of_imap($folder);
}

# The names of Maildir++ folders are in IMAP's modified UTF-7 (RFC 3501 5.1.3).
sub _of_imap {
    my ($name) = @_;
    return $name if $name !~ /&/ or $name =~ /[^\x20-\x7e]/;
    require Encode;
    require MIME::Base64;
    $name =~ s{&([A-Za-z0-9+,]*)-}{
        my $code = $1;
        $code =~ tr/,/\//;
        length $code ? Encode::encode('UTF-8', Encode::decode('UTF-16BE', MIME::Base64::decode_base64($code . '=' x (-length($code) % 4)))) : '&';
    }ge;
    return $name;
}

# user@domain and a folder: user+folder@domain.
sub _detailed {
    my ($self, $address, $folder) = @_;
    return $address if $folder eq '';
    $folder =~ s{/}{$self->{hierarchy}}g;
    my ($local, $domain) = $address =~ /\A(.*?)(\@[^\@]*)?\z/s;
    $domain = '' if not defined $domain;
    if ($local =~ s/\A"(.*)"\z/$1/s) { $local =~ s/\\(.)/$1/gs }
    $local .= $self->{separator} . $folder;
    if ($local =~ /[\s<>()\[\]:;,"\\@]|\A\.|\.\.|\.\z/) {
        $local =~ s/([\\"])/\\$1/g;
        $local = qq{"$local"};
    }
    return $local . $domain;
}

# ---------------------------------------------------------------- maps

# Code for `map`, of a file with a line for each address: "ADDRESS RECIPIENT ...", where ADDRESS may be "@DOMAIN", and "*" is all others;
# "-" for RECIPIENT is nobody. What is not in it stays as it is. A file in .pl is Perl: its value is the code.
sub map_of {
    my ($path) = @_;
    return _code_of($path) if $path =~ /\.pl\z/;
    open my $fh, '<:raw', $path or croak "cannot read the map $path: $!";
    croak "cannot read the map $path: it is a folder" if -d $fh;
    my %to;
    while (defined(my $line = readline $fh)) {
        next if $line =~ /\A\s*(?:#|\z)/;
        my ($key, @to) = split ' ', $line;
        croak "$path, line $.: an address and at least one recipient are due ('-' for nobody)" if not @to;
        croak "$path, line $.: '$key' is there already" if $to{ lc $key };
        $to{ lc $key } = [ grep { $_ ne '-' } @to ];
    }
    close $fh or croak "cannot read the map $path: $!";
    return sub { map { _mapped(\%to, $_) } @_ };
}

sub _mapped {
    my ($to, $address) = @_;
    my ($domain) = $address =~ /(\@[^\@]*)\z/;
    my ($found) = grep {defined} map { $to->{ lc $_ } } $address, (defined $domain ? $domain : ()), '*';
    return $found ? @$found : $address;
}

sub _code_of {
    my ($path) = @_;
    require File::Spec;
    local ($@, $!);
    my $code = do(File::Spec->rel2abs($path));
    croak "the map $path cannot be run: " . _on_a_line($@ || $!) if not defined $code;
    croak "the map $path is no code: its last statement is to be sub { ... }" if ref $code ne 'CODE';
    return sub {
        my @to;
        eval { @to = $code->(@_); 1 } or die "the map $path has failed: " . _on_a_line($@) . "\n";
        die "the map $path has returned an address that is undefined\n" if grep { not defined } @to;
        return @to;
    };
}

sub _on_a_line {
    my ($text) = @_;
    $text =~ s/\s+\z//;
    $text =~ s/\n/; /g;
    return $text;
}

1;
