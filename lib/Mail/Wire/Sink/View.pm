package Mail::Wire::Sink::View;

# Messages that a sink has taken, taken apart for its page. All that they hold is hostile. Email::MIME does it, which is loaded when it is needed.

use strict;
use warnings;

use MIME::Base64 ();

use Mail::Wire::Sink::Record ();

our $VERSION = '1.000';

# What is looked at: octets of a header, of a message, and of an image that is put into HTML; fields of a header; lines that may begin a part;
# characters of a field, and of a text.
use constant {
    MAX_HEADER => 65_536, MAX_MESSAGE => 25_000_000, MAX_IMAGE => 2_000_000, MAX_FIELDS => 300, MAX_BOUNDARIES => 2000,
    MAX_VALUE => 2000, MAX_TEXT => 500_000,
};

# What browsers show without running anything.
my %IMAGE = map { ("image/$_" => 1) } qw(png jpeg gif webp);

# Elements that load, send, or lead away without a click.
my $ACTIVE = qr/(?:applet|base|embed|fencedframe|form|frame|iframe|link|meta|object|portal|script|template)/i;

# True, else $@ says what to install.
sub is_there {
    return 1 if eval { require Email::MIME; 1 };
    $@ = 'needs the module Email::MIME (Debian: libemail-mime-perl)';
    return 0;
}

# One line of a list.
sub summary {
    my ($message) = @_;
    return $message->{summary} ||= do {
        my ($head) = substr($message->{data}, 0, MAX_HEADER) =~ /\A(.*?(?:\r?\n|\z))(?:\r?\n|\z)/s;
        my $mime = eval { Email::MIME->new("$head\n") };
        my %field = map { $_ => _field($mime, $_) } qw(subject date);
        +{ %{ Mail::Wire::Sink::Record::described($message) }, %field, author => _field($mime, 'from'), to => _field($mime, 'to') };
    };
}

sub _field {
    my ($mime, $name) = @_;
    my $value = $mime && eval { $mime->header_str($name) };
    return defined $value ? substr $value, 0, MAX_VALUE : '';
}

# Is the text there, in any letters? In the envelope, in the fields of a summary, in the source, and in texts that are encoded.
sub matches {
    my ($message, $text) = @_;
    my $summary = summary($message);
    my $shown = join "\n", @{$summary}{qw(from subject author to)}, map { $_->{address} } @{ $summary->{recipients} };
    return 1 if index(lc $shown, lc $text) >= 0;
    my $octets = $text;
    utf8::encode($octets);
    return 1 if $message->{data} =~ /\Q$octets\E/i;
    return 0 if $message->{data} !~ /^Content-Transfer-Encoding:\s*(?:base64|quoted-printable)/mi;
    $message->{words} = lc substr join("\n", map { _text($_) } grep { _is_text($_) } _leaves($message)), 0, MAX_VALUE * 8
        if !defined $message->{words};
    return index($message->{words}, lc $text) >= 0;
}

# Everything but the octets.
sub details {
    my ($message) = @_;
    my $mime   = _mime($message);
    my @leaves = _leaves($message);
    my ($text) = grep { _is_text($_) } @leaves;
    my $number = 0;
    return {
        %{ summary($message) },
        problem => $mime ? undef : _problem($message),
        fields  => [ $mime ? _fields($mime) : () ],
        parts   => [ map { _part($_, $number++) } @leaves ],
        text    => $text ? _text($text) : undef,
        html    => (grep { _type($_) eq 'text/html' } @leaves) ? \1 : \0,
    };
}

sub _problem {
    my ($message) = @_;
    return 'too long to be taken apart' if $message->{size} > MAX_MESSAGE;
    return 'longer than this sink takes' if $message->{size} > length $message->{data};
    return 'of more parts than are taken apart';
}

sub _fields {
    my ($mime) = @_;
    my @pairs = eval { $mime->header_str_pairs };
    my @fields;
    while (my ($name, $value) = splice @pairs, 0, 2) {
        push @fields, [ $name, substr $value, 0, MAX_VALUE ];
        last if @fields >= MAX_FIELDS;
    }
    return @fields;
}

# ---------------------------------------------------------------- parts

# The last message that was taken apart is asked for again as a rule.
my ($last, $last_mime) = (0);

sub _mime {
    my ($message) = @_;
    return $last_mime if $last == $message->{id};
    my $is_long = $message->{size} > MAX_MESSAGE || $message->{size} > length $message->{data};
    my $has_too_many = !$is_long && (my @lines = $message->{data} =~ /^--/mg) > MAX_BOUNDARIES;
    ($last, $last_mime) = ($message->{id}, $is_long || $has_too_many ? undef : eval { Email::MIME->new($message->{data}) });
    return $last_mime;
}

# The parts that have no parts, in order.
sub _leaves {
    my ($message) = @_;
    my $mime = _mime($message) or return;
    my (@leaves, @left);
    @left = ($mime);
    while (my $part = shift @left) {
        my @inside = eval { $part->subparts };
        if   (@inside) { unshift @left, @inside }
        else           { push @leaves, $part }
    }
    return @leaves;
}

sub _part {
    my ($part, $number) = @_;
    my $body = _octets($part);
    return {
        number => $number, type => _type($part), size => length $body, name => _name($part),
        image  => $IMAGE{ _type($part) } ? \1 : \0,
    };
}

# 'text/plain' where nothing is said, or nothing that can be understood (RFC 2045 5.2).
sub _type {
    my ($part) = @_;
    my $type = eval { $part->content_type };
    return defined $type && $type =~ m{\A\s*([\w.+-]+/[\w.+-]+)} ? lc $1 : 'text/plain';
}

sub _is_text { return _type($_[0]) eq 'text/plain' && !length _name($_[0]) }

sub _name {
    my ($part) = @_;
    my $name = eval { $part->filename };
    return defined $name ? substr $name, 0, 200 : '';
}

sub _octets {
    my ($part) = @_;
    my $octets = eval { $part->body };
    return defined $octets ? $octets : '';
}

sub _text {
    my ($part) = @_;
    my $text = eval { $part->body_str };
    $text = Mail::Wire::Sink::Record::characters(_octets($part)) if !defined $text;
    return substr $text, 0, MAX_TEXT;
}

# (name, type, octets) of a part, by its number; nothing when there is none. The type is one that a browser may show, or nothing that it knows.
sub part {
    my ($message, $number) = @_;
    my $part = (_leaves($message))[$number] or return;
    my $type = _type($part);
    return (_name($part), $IMAGE{$type} ? $type : 'application/octet-stream', _octets($part));
}

# ---------------------------------------------------------------- HTML

# The first part of HTML, in which nothing is left that would load or run even without the browser's own fences; undef when there is none.
sub html {
    my ($message) = @_;
    my @leaves = _leaves($message);
    my ($part) = grep { _type($_) eq 'text/html' } @leaves;
    return undef if !$part;
    my %image = map { _image($_) } @leaves;
    my $html = _text($part);
    $html =~ s{<(/?)($ACTIVE)}{<$1x-$2}g;
    $html =~ s{\bcid:([^\s"'<>)]+)}{defined $image{$1} ? $image{$1} : 'cid:'}gie;
    return "<!DOCTYPE html><style>x-script,x-template{display:none}</style>$html";
}

# Content-ID and data: URL (RFC 2397) of an image that stands in the HTML.
sub _image {
    my ($part) = @_;
    my $id = eval { $part->header('Content-ID') };
    return if !defined $id || $id !~ /<(.+?)>/ || !$IMAGE{ _type($part) };
    my $name = $1;
    my $octets = _octets($part);
    return length $octets > MAX_IMAGE ? () : ($name => 'data:' . _type($part) . ';base64,' . MIME::Base64::encode_base64($octets, ''));
}

1;
